package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	gossh "golang.org/x/crypto/ssh"
)

// tap is an sftp channel that reports each request before the server reads it.
type tap struct {
	gossh.Channel
	observe func(what string)
	packet  bytes.Reader
}

// maxPacket is far above what any client sends. A larger packet means that the stream is not sftp.
const maxPacket = 1 << 20

func (t *tap) Read(into []byte) (int, error) {
	if t.packet.Len() == 0 {
		packet, err := t.next()
		if err != nil {
			return 0, err
		}
		t.observe("sftp " + request(packet[4:]))
		t.packet.Reset(packet)
	}
	return t.packet.Read(into)
}

// next reads one packet, including its length.
func (t *tap) next() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(t.Channel, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > maxPacket {
		return nil, fmt.Errorf("sftp packet of %d bytes", size)
	}
	packet := make([]byte, 4+size)
	copy(packet, head[:])
	if _, err := io.ReadFull(t.Channel, packet[4:]); err != nil {
		return nil, err
	}
	return packet, nil
}

// request describes an sftp request: its verb, and the path or extension that it begins with, if
// any.
func request(body []byte) string {
	verbs := map[byte]string{
		1: "init", 3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat",
		11: "opendir", 12: "readdir", 13: "remove", 14: "mkdir", 15: "rmdir", 16: "realpath", 17: "stat", 18: "rename",
		19: "readlink", 20: "symlink",
	}
	handles := map[byte]bool{4: true, 5: true, 6: true, 8: true, 10: true, 12: true}
	kind := body[0]
	if kind == 200 { // an extension: its name is the verb
		name, rest := text(body[5:])
		path, _ := text(rest)
		return name + " " + path
	}
	verb, known := verbs[kind]
	if !known {
		return fmt.Sprintf("request %d", kind)
	}
	if kind == 1 || handles[kind] || len(body) < 5 {
		return verb
	}
	path, _ := text(body[5:])
	return verb + " " + path
}

// text splits off the string at the beginning of b, "" if there is none.
func text(b []byte) (string, []byte) {
	if len(b) < 4 {
		return "", nil
	}
	size := uint64(binary.BigEndian.Uint32(b))
	if size > uint64(len(b)-4) {
		return "", nil
	}
	return string(b[4 : 4+size]), b[4+size:]
}
