package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Messages of the agent protocol (draft-ietf-sshm-ssh-agent). All others are refused unread.
const (
	agentFailure           = 5
	agentSuccess           = 6
	agentRequestIdentities = 11
	agentIdentitiesAnswer  = 12
	agentSignRequest       = 13
	agentSignResponse      = 14
	agentExtension         = 27
	agentExtensionFailure  = 28
)

// maxMessage limits the length of a message, as in OpenSSH.
const maxMessage = 256 << 10

// readMessage reads one message without its length.
func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > maxMessage {
		return nil, fmt.Errorf("agent message of %d bytes; want 1 to %d", n, maxMessage)
	}
	message := make([]byte, n)
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeMessage(w io.Writer, message []byte) error {
	_, err := w.Write(appendString(nil, message))
	return err
}

func appendString(to, s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(s))), s...)
}

var errMalformed = errors.New("malformed request")

// cursor reads SSH's data types from a message. After the first error everything else is empty, and
// done returns the error.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n uint64) []byte {
	if c.bad || uint64(len(c.rest)) < n {
		c.bad = true
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) uint32() uint32 {
	b := c.take(4)
	if c.bad {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (c *cursor) bytes() []byte  { return c.take(uint64(c.uint32())) }
func (c *cursor) string() string { return string(c.bytes()) }

func (c *cursor) byte() byte {
	b := c.take(1)
	if c.bad {
		return 0
	}
	return b[0]
}

// bool accepts only 0 and 1, so that one message has one meaning.
func (c *cursor) bool() bool {
	b := c.byte()
	c.bad = c.bad || b > 1
	return b == 1
}

// done returns an error unless the whole message was read without one.
func (c *cursor) done() error {
	if c.bad || len(c.rest) > 0 {
		return errMalformed
	}
	return nil
}
