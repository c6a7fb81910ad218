package greeting

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

// conn counts the reads.
type conn struct {
	net.Conn
	io.Reader
	reads int
}

func (c *conn) Read(b []byte) (int, error) {
	c.reads++
	return c.Reader.Read(b)
}

func TestReadAhead(t *testing.T) {
	const first = "SSH-2.0-OpenSSH_9.2p1\r\n"
	rest := strings.Repeat("0123456789", 1000)
	failed := errors.New("failed")
	source := &conn{Reader: io.MultiReader(strings.NewReader(first+rest), iotest.ErrReader(failed))}
	c := Watch(source)
	for i := range first {
		var b [1]byte
		if n, err := c.Read(b[:]); n != 1 || err != nil || b[0] != first[i] {
			t.Fatalf("byte %d: %d, %v, %q", i, n, err, b)
		}
	}
	if source.reads != 1 {
		t.Errorf("%d reads for the version line", source.reads)
	}
	got, err := io.ReadAll(c)
	if string(got) != rest || !errors.Is(err, failed) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, named := c.Heard(); !named {
		t.Error("the version line was not heard")
	}
}
