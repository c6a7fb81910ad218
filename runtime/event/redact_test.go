package event

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

const password = "correct horse battery"

func redactor(values ...string) *Redactor {
	r := &Redactor{}
	for _, v := range values {
		r.Add(v)
	}
	return r
}

// The text before a secret shifts its base64 by 0, 1 or 2 bytes of a group of three.
func TestBase64AtEveryAlignment(t *testing.T) {
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
		for before := range 7 {
			for after := range 7 {
				long := strings.Repeat("?", before) + password + strings.Repeat("~", after)
				encoded := alphabet.EncodeToString([]byte(long))
				got := strings.TrimRight(redactor(password).Replace(encoded), "=")
				// The characters that remain contain only bits of the neighbours.
				want := encoded[:before*8/6] + mark + encoded[((before+len(password))*8+5)/6:]
				if got != strings.TrimRight(want, "=") {
					t.Errorf("%d bytes before, %d behind: %s became %s", before, after, encoded, got)
				}
			}
		}
	}
}

func TestLineBreaksHideNothing(t *testing.T) {
	wrapped := func(text string, n int, end string) string {
		var b strings.Builder
		for len(text) > n {
			b.WriteString(text[:n] + end)
			text = text[n:]
		}
		return b.String() + text
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("user:" + password + "\n"))
	for _, n := range []int{1, 2, 5, 10, 16} {
		for _, end := range []string{"\n", "\r\n"} {
			for _, text := range []string{wrapped(password, n, end), wrapped(encoded, n, end)} {
				got := redactor(password).Replace("first" + end + text + end + "last" + end)
				if flat := strings.NewReplacer("\r", "", "\n", "").Replace(got); strings.Contains(flat, "battery") ||
					strings.Contains(flat, "b3JzZSBiYXR0ZX") {
					t.Errorf("every %d bytes: %q", n, got)
				}
				if strings.Count(got, "\n") != strings.Count(text, "\n")+3 || !strings.HasPrefix(got, "first"+end) ||
					!strings.HasSuffix(got, end+"last"+end) {
					t.Errorf("every %d bytes: the lines are not what they were: %q", n, got)
				}
			}
		}
	}
}

// A key is found as a whole, line by line, and in an escaped text.
func TestSecretOfSeveralLines(t *testing.T) {
	key := "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nxyz\nqqqqq\n-----END KEY-----\n"
	r := redactor(key)
	for _, text := range []string{key, "x " + strings.TrimSpace(key) + " y", "only AAAAB3NzaC1yc2E here",
		fmt.Sprintf("%q", key)} {
		if got := r.Replace(text); strings.Contains(got, "AAAA") || strings.Contains(got, "qqqqq") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestOtherSpellings(t *testing.T) {
	secret := `it's "a $1` + "`b\\c" + ` é&=?x`
	for name, text := range map[string]string{
		"as it is": secret,
		"shell":    `'` + strings.ReplaceAll(secret, "'", `'\''`) + `'`,
		"quoted":   fmt.Sprintf("%q", secret),
		"ascii":    fmt.Sprintf("%+q", secret),
		"json":     `"it's \"a $1` + "`b\\\\c" + ` é\u0026=?x"`,
		"query":    "it%27s+%22a+%241%60b%5Cc+%C3%A9%26%3D%3Fx",
	} {
		if got := redactor(secret).Replace("<" + text + ">"); strings.Trim(got, `'"<>`) != mark {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Only the beginning of a possible secret is held back.
func TestOpen(t *testing.T) {
	r := redactor(password, "ab")
	encoded := base64.StdEncoding.EncodeToString([]byte(password))
	for text, want := range map[string]int{
		"all is well":               0,
		"all is c":                  1,
		"all is correct hor":        11,
		"all is\ncorrect\n":         8,
		"all is\nc\n":               0, // one letter
		"x " + password:             0,
		"all is " + encoded[:9]:     9,
		encoded[:7] + "\r\n":        9,
		"a\n" + encoded[:20] + "\n": 21,
	} {
		if got := r.Pending(text); got != want {
			t.Errorf("%q: %d bytes are kept back, want %d", text, got, want)
		}
	}
}

// However a stream is cut, Pending lets at most a few letters of a secret through.
func TestPieces(t *testing.T) {
	r := redactor(password)
	text := "begin\n" + base64.StdEncoding.EncodeToString([]byte("u:"+password)) + "\n" +
		password[:9] + "\n" + password + "\nend\n"
	for size := 1; size < len(text); size++ {
		var shown, pending string
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			pending, rest = pending+rest[:n], rest[n:]
			ready := len(pending) - r.Pending(pending)
			shown, pending = shown+r.Replace(pending[:ready]), pending[ready:]
		}
		shown += r.Replace(pending)
		if strings.Contains(shown, "battery") || strings.Contains(shown, "horse bat") ||
			strings.Contains(shown, "BiYXR0ZX") || !strings.HasSuffix(shown, "\nend\n") {
			t.Errorf("in pieces of %d bytes: %q", size, shown)
		}
	}
}

func FuzzReplace(f *testing.F) {
	f.Add("a\nb\r\ncorrect horse battery\n\n", "correct\n")
	f.Fuzz(func(t *testing.T, text, secret string) {
		r := redactor(password, secret)
		got := r.Replace(text)
		if strings.Contains(got, password) {
			t.Errorf("%q became %q", text, got)
		}
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q became %q: other lines", text, got)
		}
		if n := r.Pending(text); n < 0 || n > len(text) {
			t.Errorf("%q: %d of it are open", text, n)
		}
	})
}
