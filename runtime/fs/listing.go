package fs

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/pkg/sftp"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// names returns the sorted names in a folder on the host. More than 1,000,000 names, or 256 MiB of
// names, are an error.
func names(ctx context.Context, h *shell.Host, path string) ([]string, error) {
	l, err := newLister(ctx, h)
	if err != nil {
		return nil, err
	}
	defer l.close()
	names, err := l.names(path)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// The limits of a listing.
const (
	maxName      = 4 << 10 // in bytes
	maxNames     = 1_000_000
	maxNameBytes = 256 << 20
)

// lister reads folders with its own file session: pkg/sftp reads a whole folder into memory,
// without a limit.
type lister struct {
	ctx  context.Context
	pipe *ssh.Pipe
	in   *bufio.Reader
	buf  []byte // of the last packet
	id   uint32
	stop func() bool
}

// SFTP's packets and statuses (draft-ietf-secsh-filexfer-02) that a lister needs.
const (
	sftpInit    = 1
	sftpVersion = 2
	sftpClose   = 4
	sftpOpenDir = 11
	sftpReadDir = 12
	sftpStatus  = 101
	sftpHandle  = 102
	sftpName    = 104

	sftpEOF = 1

	// maxPacket limits the length of a packet, as in pkg/sftp.
	maxPacket = 256 << 10
)

// newLister starts a file session. The caller closes it.
func newLister(ctx context.Context, h *shell.Host) (*lister, error) {
	p, err := h.SFTP(ctx)
	if err != nil {
		return nil, err
	}
	// A read or write has no context; closing the session ends it.
	l := &lister{ctx: ctx, pipe: p, in: bufio.NewReader(p), stop: context.AfterFunc(ctx, p.Cut)}
	err = l.send(sftpInit, binary.BigEndian.AppendUint32(nil, 3))
	if err == nil {
		_, err = l.packet(sftpVersion)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("start sftp: %w", err)
	}
	return l, nil
}

func (l *lister) close() {
	l.stop()
	l.pipe.Cut()
}

// names returns the names in a folder, in the host's order.
func (l *lister) names(path string) ([]string, error) {
	answer, err := l.ask(sftpHandle, sftpOpenDir, path)
	if err != nil {
		return nil, err
	}
	handle := answer.string()
	if answer.short {
		return nil, errShortPacket
	}
	names, bytes := []string{}, 0 // bytes are both received and kept, so that both together are limited
	for {
		answer, err := l.ask(sftpName, sftpReadDir, handle)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if bytes += len(answer.rest); bytes > maxNameBytes {
			return nil, &ssh.TooLongError{What: "the names in " + path, Most: maxNameBytes}
		}
		for count := answer.uint32(); count > 0; count-- {
			name := answer.string()
			answer.string() // the line of ls -l
			answer.skipAttributes()
			switch {
			case answer.short:
				return nil, errShortPacket
			case len(name) > maxName:
				return nil, &ssh.TooLongError{What: "a name in " + path, Most: maxName}
			case len(names) == maxNames:
				return nil, &ssh.TooLongError{What: path, Most: maxNames, Unit: "names"}
			case name != "." && name != "..":
				names = append(names, name)
				bytes += len(name)
			}
		}
	}
	_, err = l.ask(sftpStatus, sftpClose, handle)
	return names, err
}

var errShortPacket = errors.New("the host's file session sent a truncated packet")

// ask sends a request about a path or handle, and returns the content of the answer, which must be
// of kind want.
func (l *lister) ask(want, kind byte, about string) (*packet, error) {
	l.id++
	request := binary.BigEndian.AppendUint32(nil, l.id)
	request = binary.BigEndian.AppendUint32(request, uint32(len(about)))
	if err := l.send(kind, append(request, about...)); err != nil {
		return nil, err
	}
	return l.packet(want)
}

func (l *lister) send(kind byte, body []byte) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)+1))
	_, err := l.pipe.Write(append(append(head, kind), body...))
	return l.lost(err)
}

// packet reads an answer, which must be of kind want. A status other than 0 is an error.
func (l *lister) packet(want byte) (*packet, error) {
	var head [5]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return nil, l.lost(err)
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 1 || n > maxPacket {
		return nil, &ssh.TooLongError{What: "a packet of the host's file session", Most: maxPacket}
	}
	l.buf = slices.Grow(l.buf[:0], int(n-1))[:n-1]
	p := &packet{rest: l.buf}
	if _, err := io.ReadFull(l.in, p.rest); err != nil {
		return nil, l.lost(err)
	}
	if want == sftpVersion && head[4] == want {
		return p, nil
	}
	if id := p.uint32(); id != l.id {
		return nil, fmt.Errorf("the host's file session answered request %d instead of %d", id, l.id)
	}
	if head[4] == sftpStatus {
		if err := p.status(); err != nil || want == sftpStatus {
			return p, err
		}
	}
	if head[4] != want {
		return nil, fmt.Errorf("the host's file session answered with a packet of kind %d instead of %d", head[4], want)
	}
	return p, nil
}

// lost returns why reading or writing failed.
func (l *lister) lost(err error) error {
	switch {
	case err == nil:
		return nil
	case l.ctx.Err() != nil:
		return context.Cause(l.ctx)
	}
	return fmt.Errorf("%w: %w", sftp.ErrSSHFxConnectionLost, err)
}

// packet is an answer. After the first value that it is too short for, all other values are empty.
type packet struct {
	rest  []byte
	short bool
}

func (p *packet) take(n uint32) []byte {
	if p.short || uint64(len(p.rest)) < uint64(n) {
		p.short = true
		return nil
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

func (p *packet) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *packet) string() string { return string(p.take(p.uint32())) }

// skipAttributes reads past a file's attributes.
func (p *packet) skipAttributes() {
	const hasSize, hasOwner, hasMode, hasTimes, hasMore = 1, 2, 4, 8, 1 << 31
	flags := p.uint32()
	for _, field := range []struct{ flag, length uint32 }{{hasSize, 8}, {hasOwner, 8}, {hasMode, 4}, {hasTimes, 8}} {
		if flags&field.flag != 0 {
			p.take(field.length)
		}
	}
	if flags&hasMore != 0 {
		for count := p.uint32(); count > 0 && !p.short; count-- {
			p.string()
			p.string()
		}
	}
}

// status returns the error of a status packet.
func (p *packet) status() error {
	switch code := p.uint32(); {
	case p.short:
		return errShortPacket
	case code == 0:
		return nil
	case code == sftpEOF:
		return io.EOF
	case code == uint32(sftp.ErrSSHFxNoSuchFile):
		return fs.ErrNotExist
	case code == uint32(sftp.ErrSSHFxPermissionDenied):
		return fs.ErrPermission
	default:
		return statusError{p.string(), &sftp.StatusError{Code: code}}
	}
}

// statusError is a status with the server's words, which an sftp.StatusError takes from pkg/sftp
// alone.
type statusError struct {
	said   string
	status *sftp.StatusError
}

func (e statusError) Error() string { return fmt.Sprintf("sftp: %.200q", e.said) }
func (e statusError) Unwrap() error { return e.status }
