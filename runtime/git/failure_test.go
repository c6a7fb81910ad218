package git

import (
	"strings"
	"testing"
)

// lastBlock drops the lines that git adds to every transport error: the reason comes before them.
func TestLastBlock(t *testing.T) {
	const always = "fatal: Could not read from remote repository.\n\n" +
		"Please make sure you have the correct access rights\nand the repository exists.\n"
	for text, want := range map[string]string{
		"": "it printed nothing more",
		"/home/x/.ssh/config: line 3: Bad configuration option: usekeychain\n" +
			"/home/x/.ssh/config: terminating, 1 bad configuration options\n" +
			always: "/home/x/.ssh/config: line 3: Bad configuration option: usekeychain\n" +
			"    /home/x/.ssh/config: terminating, 1 bad configuration options",
		"kex_exchange_identification: Connection closed by remote host\n" +
			always: "kex_exchange_identification: Connection closed by remote host",
		strings.Repeat("remote: noise\n", 9) +
			"fatal: bad\n": strings.Repeat("remote: noise\n    ", 4) + "fatal: bad",
	} {
		if got := lastBlock(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
