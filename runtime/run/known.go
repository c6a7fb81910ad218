package run

import (
	"os"
	"path/filepath"
	"slices"
)

// knownHosts are the known_hosts files of this machine, for the servers that are reached from the hosts, such as a
// git server: those on the command line, or else those of the hosts and the admin's own.
func (p *Plan) knownHosts() []string {
	files := slices.Clone(p.opts.Inventory.KnownHosts)
	if len(files) > 0 {
		return files
	}
	for _, h := range p.Hosts {
		for _, f := range h.KnownHosts {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		if own := filepath.Join(home, ".ssh", "known_hosts"); !slices.Contains(files, own) {
			files = append(files, own)
		}
	}
	return files
}
