package ssh

import "fmt"

// The limits of what a host may say. Nothing that it says is kept without one.
const (
	// longestWord is the longest line in bytes of the protocol between runbook and its scripts.
	longestWord = 4 << 10
	// mostNoise is how many bytes a host may print where nothing is asked of it: before a shell answers, and from the keeper of a lock.
	mostNoise = 64 << 10
	// mostNames and mostNameBytes are how long a listing of a folder may be.
	mostNames     = 1_000_000
	mostNameBytes = 256 << 20
	// DefaultMax is how many bytes of each stream a Result holds unless told otherwise.
	DefaultMax = 16 << 20
	// DefaultDownload is how many bytes Download writes unless told otherwise.
	DefaultDownload = 4 << 30
)

// TooLongError is a host that said more than it may.
type TooLongError struct {
	What string // what was too long
	Most string // the limit, with its unit
}

func (e *TooLongError) Error() string { return fmt.Sprintf("%s: more than %s", e.What, e.Most) }

// size is a number of bytes in words.
func size(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return fmt.Sprintf("%d %s", n/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// limitedText keeps what a host says, up to a limit.
type limitedText struct {
	what string
	most int
	said []byte
}

// noise takes what a host prints where nothing is asked of it.
func noise(what string) limitedText { return limitedText{what: what, most: mostNoise} }

func (l *limitedText) take(b []byte) error {
	if len(l.said)+len(b) > l.most {
		return &TooLongError{What: l.what, Most: size(int64(l.most))}
	}
	l.said = append(l.said, b...)
	return nil
}

func (l *limitedText) text() string { return string(l.said) }

// discard takes bytes that nobody needs.
func discard([]byte) error { return nil }
