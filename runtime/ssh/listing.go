package ssh

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/pkg/sftp"
)

// Names returns the names in a folder on the host, sorted. More than 1,000,000 names are an error, and so are more than 256 MiB, sent
// and kept.
func (h *Host) Names(ctx context.Context, path string) ([]string, error) {
	ctx = h.context(ctx)
	l, err := h.lister(ctx)
	if err != nil {
		return nil, err
	}
	defer l.close()
	names := []string{}
	err = l.each(path, newBudget(path, 0), func(name string, _ fs.FileMode) error {
		names = append(names, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// lister reads folders by a file session of its own: pkg/sftp keeps all of a folder before it returns any of it, however long it is.
type lister struct {
	ctx  context.Context
	pipe *pipe
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

	// longestPacket is the longest packet that pkg/sftp reads, too.
	longestPacket = 256 << 10
)

// lister starts a file session. Close it.
func (h *Host) lister(ctx context.Context) (*lister, error) {
	c, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	p, err := c.link.sftp(ctx)
	if err != nil {
		return nil, err
	}
	// Reads and writes know no context: closing is what ends them.
	l := &lister{ctx: ctx, pipe: p, in: bufio.NewReader(p), stop: context.AfterFunc(ctx, p.close)}
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
	l.pipe.close()
}

// each calls visit for what is in a folder, in the host's order.
func (l *lister) each(path string, b *budget, visit func(name string, mode fs.FileMode) error) error {
	answer, err := l.ask(sftpHandle, sftpOpenDir, path)
	if err != nil {
		return err
	}
	handle := answer.string()
	if answer.short {
		return errShortPacket
	}
	for {
		answer, err := l.ask(sftpName, sftpReadDir, handle)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		b.nameBytes -= int64(len(answer.rest))
		for count := answer.uint32(); count > 0; count-- {
			name := answer.string()
			answer.string() // as ls -l has it
			mode := answer.mode()
			if answer.short {
				return errShortPacket
			}
			if name == "." || name == ".." {
				continue
			}
			if err := b.name(name); err != nil {
				return err
			}
			if err := visit(name, mode); err != nil {
				return err
			}
		}
	}
	if _, err := l.ask(sftpStatus, sftpClose, handle); err != nil {
		return err
	}
	return nil
}

// listed is one name in a folder.
type listed struct {
	name string
	mode fs.FileMode
}

// all is what is in a folder. No name in it leads elsewhere.
func (l *lister) all(path string, b *budget) ([]listed, error) {
	var entries []listed
	err := l.each(path, b, func(name string, mode fs.FileMode) error {
		if strings.Contains(name, "/") || name == "" {
			return fmt.Errorf("%s has an entry with the name %q", path, name)
		}
		entries = append(entries, listed{name, mode})
		return nil
	})
	return entries, err
}

var errShortPacket = errors.New("the host's file session sent less than it said")

// ask sends a request about a path or handle, and returns the answer of kind want behind its id.
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

// packet reads an answer of kind want; a status other than 0 is an error.
func (l *lister) packet(want byte) (*packet, error) {
	var head [5]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return nil, l.lost(err)
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 1 || n > longestPacket {
		return nil, &TooLongError{What: "a packet of the host's file session", Most: size(longestPacket)}
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

// lost is why reading or writing failed.
func (l *lister) lost(err error) error {
	switch {
	case err == nil:
		return nil
	case l.ctx.Err() != nil:
		return context.Cause(l.ctx)
	}
	return fmt.Errorf("%w: %w", sftp.ErrSSHFxConnectionLost, err)
}

// packet is an answer that is being read. After the first thing that it is too short for all else reads as empty.
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

// mode reads attributes; their mode is of use.
func (p *packet) mode() fs.FileMode {
	const hasSize, hasOwner, hasMode, hasTimes, hasMore = 1, 2, 4, 8, 1 << 31
	flags := p.uint32()
	skip := func(flag, n uint32) {
		if flags&flag != 0 {
			p.take(n)
		}
	}
	skip(hasSize, 8)
	skip(hasOwner, 8)
	var bits uint32
	if flags&hasMode != 0 {
		bits = p.uint32()
	}
	skip(hasTimes, 8)
	if flags&hasMore != 0 {
		for count := p.uint32(); count > 0 && !p.short; count-- {
			p.string()
			p.string()
		}
	}
	mode := fs.FileMode(bits & 0o777)
	switch bits & 0o170000 {
	case 0o040000:
		mode |= fs.ModeDir
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o100000:
	default:
		mode |= fs.ModeIrregular
	}
	return mode
}

// status is the error that a status packet states.
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

// statusError is a status with the server's words, which an sftp.StatusError takes from pkg/sftp alone.
type statusError struct {
	said   string
	status *sftp.StatusError
}

func (e statusError) Error() string { return fmt.Sprintf("sftp: %.200q", e.said) }
func (e statusError) Unwrap() error { return e.status }
