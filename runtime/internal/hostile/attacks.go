package hostile

import (
	"encoding/binary"
	"io"
	"strings"
)

// Flood writes text repeatedly until the reader closes.
func Flood(w io.Writer, text string) {
	piece := []byte(strings.Repeat(text, max(1, (32<<10)/len(text))))
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// listNames serves SFTP with a folder at every path. names returns the entries of the n-th READDIR
// answer; nil ends the list.
func listNames(conn io.ReadWriter, names func(n int) []string) {
	answer := func(kind byte, id []byte, body []byte) bool {
		packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(id)+len(body)))
		_, err := conn.Write(append(append(append(packet, kind), id...), body...))
		return err == nil
	}
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	number := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	status := func(id []byte, code uint32) bool {
		return answer(101, id, append(append(number(code), text("")...), text("")...))
	}
	for n := 0; ; {
		var head [5]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[:4])-1)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		id, ok := body[:4], false
		switch head[4] {
		case 1: // INIT
			ok = answer(2, nil, number(3))
		case 11: // OPENDIR
			n = 0
			ok = answer(102, id, text("h"))
		case 12: // READDIR
			entries := names(n)
			n++
			if entries == nil {
				ok = status(id, 1)
				break
			}
			packet := make([]byte, 0, 4+len(entries)*(len(entries[0])+12))
			packet = binary.BigEndian.AppendUint32(packet, uint32(len(entries)))
			for _, name := range entries {
				packet = binary.BigEndian.AppendUint32(packet, uint32(len(name)))
				packet = append(packet, name...)
				packet = append(packet, 0, 0, 0, 0, 0, 0, 0, 0) // no long name, no attributes
			}
			ok = answer(104, id, packet)
		case 7, 17: // LSTAT, STAT: a folder
			ok = answer(105, id, append(number(4), number(0o040755)...))
		case 4: // CLOSE
			ok = status(id, 0)
		default:
			ok = status(id, 8)
		}
		if !ok {
			return
		}
	}
}
