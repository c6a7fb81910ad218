package inventory

import (
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/inventory/sshconfig"
)

// credentials expands the paths in ssh_config for one host.
type credentials struct {
	me     sshconfig.Machine
	values sshconfig.Values
	sshconfig.Tokens
}

// all returns the files of a directive that may be repeated: nil without the directive, an empty
// list for "none".
func (c credentials) all(key string) ([]string, error) {
	lines := c.values.All(key)
	if len(lines) == 0 {
		return nil, nil
	}
	paths := []string{}
	for _, d := range lines {
		text, err := d.One()
		if err != nil {
			return nil, err
		}
		if paths, err = c.add(paths, d, text); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// add appends the path that a word of a directive names, unless the word is "none".
func (c credentials) add(paths []string, d sshconfig.Directive, word string) ([]string, error) {
	if strings.EqualFold(word, "none") {
		return paths, nil
	}
	path, err := c.Path(d, word)
	if err != nil {
		return nil, err
	}
	return append(paths, path), nil
}

// agent returns the socket that IdentityAgent names.
func (c credentials) agent() (string, error) {
	d, ok := c.values.First("identityagent")
	if !ok {
		return "", nil
	}
	text, err := d.One()
	if err != nil {
		return "", err
	}
	switch {
	case strings.EqualFold(text, "none"):
		return "none", nil
	case text == "SSH_AUTH_SOCK":
		return "", nil
	case strings.HasPrefix(text, "$") && !strings.HasPrefix(text, "${"):
		text = "${" + text[1:] + "}"
	}
	return c.Path(d, text)
}

// knownHosts returns the files that ssh_config or OpenSSH's defaults name, the user's own first.
func (c credentials) knownHosts() ([]string, error) {
	own, system := filepath.Join(c.me.Home, ".ssh"), c.me.System
	paths := []string{}
	if d, ok := c.values.First("userknownhostsfile"); ok {
		for _, word := range d.Args {
			var err error
			if paths, err = c.add(paths, d, word); err != nil {
				return nil, err
			}
		}
	} else {
		paths = append(paths, filepath.Join(own, "known_hosts"), filepath.Join(own, "known_hosts2"))
	}
	d, ok := c.values.First("globalknownhostsfile")
	if !ok {
		return append(paths, filepath.Join(system, "ssh_known_hosts"), filepath.Join(system, "ssh_known_hosts2")), nil
	}
	if !strings.EqualFold(d.Args[0], "none") { // OpenSSH expands neither ~ nor tokens in these
		for _, word := range d.Args {
			if !filepath.IsAbs(word) {
				word = filepath.Join(c.me.Dir, word)
			}
			paths = append(paths, word)
		}
	}
	return slices.Clip(paths), nil
}
