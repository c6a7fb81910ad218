package transfer

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"runbook/runtime/ssh/shell"
)

const (
	splitSize  = 16 << 20              // a smaller file has one channel
	pieceSize  = 2 << 20               // what an extra channel takes at a time
	blockSize  = 64 << 10              // what pieces.sh writes at a time
	maxExtras  = 6                     // extra channels; by default OpenSSH allows 10 sessions, of which a run needs 4
	extraEvery = 15 * time.Millisecond // of a round trip, for which there is one extra channel
)

// piecesScript writes pieces of a file from stdin.
//
//go:embed pieces.sh
var piecesScript string

// splitFile sends one file through several channels of a connection, because OpenSSH allows at most
// 2 MiB in flight on one. The first channel sends the file from its beginning, as if it were alone.
// Extra channels take pieces from the end, until no byte is left in between. So the server may refuse
// extra channels, and each may end after any piece.
type splitFile struct {
	u      *upload
	file   io.ReaderAt
	most   int    // extra channels
	said   string // by upload.sh: its process id
	join   sync.Once
	extras sync.WaitGroup

	mu          sync.Mutex // guards the fields below
	front, back int64      // no channel has what is between them
	stopped     bool       // extra channels get no more pieces
	failed      bool       // an extra channel has lost a piece
}

// sendSplit sends a file. It returns false if one channel must send it: because the host is near, or
// because an extra channel has failed.
func (u *upload) sendSplit(file io.ReaderAt, size int64) (sent bool, err error) {
	trip, err := u.host.RoundTrip(u.ctx)
	if err != nil || trip < extraEvery {
		return false, err
	}
	s := &splitFile{u: u, file: file, most: int(min(maxExtras, trip/extraEvery)), back: size}
	err = u.stream("split", size, s, s)
	s.stop()
	s.extras.Wait()
	if s.failed && errors.Is(err, errPart) && u.ctx.Err() == nil {
		return false, nil
	}
	return true, err
}

// Write starts the extra channels when upload.sh has written its process id. Then the host is ready
// for them.
func (s *splitFile) Write(b []byte) (int, error) {
	const longest = 20
	if len(s.said) < longest {
		s.said += string(b)
	}
	id, _, ready := strings.Cut(s.said, "\n")
	if !ready {
		return len(b), nil
	}
	s.join.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.front == s.back {
			return // Read may wait already
		}
		for range s.most {
			s.extras.Go(func() { s.sendPieces(id) })
		}
	})
	return len(b), nil
}

// Read reads the input of the first channel. At its end it waits for the extra channels, because
// the end lets upload.sh check the file. If one has failed, it ends early.
func (s *splitFile) Read(b []byte) (int, error) {
	s.mu.Lock()
	at := s.front
	if b = b[:min(int64(len(b)), s.back-at)]; s.failed {
		b = nil
	}
	s.front += int64(len(b))
	s.mu.Unlock()
	if len(b) == 0 {
		s.extras.Wait()
		return 0, io.EOF
	}
	return s.file.ReadAt(b, at)
}

// take returns the range of the next piece for an extra channel, which is empty if there is none.
func (s *splitFile) take() (from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to = (s.back-1)/pieceSize*pieceSize, s.back
	if s.stopped || from < s.front {
		return 0, 0
	}
	s.back = from
	return from, to
}

// stop lets the extra channels end.
func (s *splitFile) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// sendPieces is an extra channel. id is the process of upload.sh.
func (s *splitFile) sendPieces(id string) {
	in := &pieces{split: s}
	r, err := s.u.host.Run(s.u.ctx, shell.Command{Quiet: true, AnyStatus: true, Sudo: s.u.o.Sudo,
		Argv: []string{"/bin/sh", "-c", piecesScript, "sh", id}, Input: in, Yield: s.stop})
	if in.taken && (err != nil || r.Code != 0) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stopped, s.failed = true, true
	}
}

// pieces is the input of an extra channel.
type pieces struct {
	split    *splitFile
	line     string // the rest of a line of pieces.sh
	from, to int64  // the rest of a piece
	taken    bool   // it had a piece
	ended    bool
}

// Read reads lines and pieces. It ends early if the file does.
func (p *pieces) Read(b []byte) (n int, err error) {
	switch {
	case p.line != "":
		n = copy(b, p.line)
		p.line = p.line[n:]
	case p.from < p.to:
		n, err = p.split.file.ReadAt(b[:min(int64(len(b)), p.to-p.from)], p.from)
		p.from += int64(n)
		_, _ = p.split.u.progress.Write(b[:n]) // it never fails
	case p.ended:
		return 0, io.EOF
	default:
		p.from, p.to = p.split.take()
		switch p.to - p.from {
		case 0:
			p.line, p.ended = "end\n", true
		case pieceSize:
			p.line, p.taken = fmt.Sprintf("%d %d %d\n", p.from/blockSize, blockSize, pieceSize/blockSize), true
		default: // the end of the file
			p.line, p.taken = fmt.Sprintf("%d %d 1\n", p.from/blockSize, p.to-p.from), true
		}
		return p.Read(b)
	}
	return n, err
}
