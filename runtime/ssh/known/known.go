// Package known reads known_hosts files.
package known

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skeema/knownhosts"
)

// Files caches known_hosts files, so that a run reads each file once and not once per host. The
// zero value is usable. It is safe for concurrent use.
type Files struct {
	mu   sync.Mutex
	read map[string]reading // by the paths
}

// reading holds what some files contained.
type reading struct {
	states []state
	keys   *knownhosts.HostKeyDB
}

// state identifies a version of a file, to detect changes.
type state struct {
	changed time.Time
	size    int64
}

// Open returns what the files contain. It reads them again if one was changed, because a person may
// accept a key while a console runs. Files that are missing count as empty. It returns nil if none
// exists.
func (f *Files) Open(paths []string) (*knownhosts.HostKeyDB, error) {
	paths, states, err := existing(paths)
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.Join(paths, "\x00")
	if r, ok := f.read[key]; ok && slices.Equal(r.states, states) {
		return r.keys, nil
	}
	keys, err := knownhosts.NewDB(paths...)
	if err != nil {
		return nil, fmt.Errorf("known_hosts: %w", err)
	}
	if f.read == nil {
		f.read = map[string]reading{}
	}
	f.read[key] = reading{states, keys}
	return keys, nil
}

// Existing returns those known_hosts files that exist.
func Existing(paths []string) ([]string, error) {
	paths, _, err := existing(paths)
	return paths, err
}

func existing(paths []string) (there []string, states []state, err error) {
	for _, path := range paths {
		switch info, err := os.Stat(path); {
		case err == nil:
			there = append(there, path)
			states = append(states, state{info.ModTime(), info.Size()})
		case !errors.Is(err, fs.ErrNotExist):
			return nil, nil, fmt.Errorf("known_hosts: %w", err)
		}
	}
	return there, states, nil
}
