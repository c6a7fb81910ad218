package inventory

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// pathTokens replaces what stands for other things in a path of ssh_config.
type pathTokens struct {
	v      values
	tokens map[byte]string
}

func (v values) tokens(h *Host) pathTokens {
	short, _, _ := strings.Cut(v.me.hostname, ".")
	key := h.HostKeyAlias
	if key == "" {
		key = v.alias
	}
	return pathTokens{v, map[byte]string{
		'd': v.me.home, 'h': h.Address, 'i': v.me.uid, 'k': key, 'L': short, 'l': v.me.hostname, 'n': v.alias,
		'p': strconv.Itoa(h.Port), 'r': h.User, 'u': v.me.user,
	}}
}

// path is the file that text means. A relative path starts from the current folder, as in OpenSSH.
func (t pathTokens) path(d directive, text string) (string, error) {
	text, err := expandEnv(text, t.v.me.getenv)
	if err == nil {
		text, err = expand(text, t.tokens)
	}
	if err == nil {
		text, err = t.v.me.path(t.v.me.dir, text)
	}
	if err != nil {
		return "", d.errorf("%w", err)
	}
	return text, nil
}

// several are the files of a directive that may stand several times. nil means that it stands nowhere, an empty list
// that it says none.
func (t pathTokens) several(ds []directive) ([]string, error) {
	if len(ds) == 0 {
		return nil, nil
	}
	files := []string{}
	for _, d := range ds {
		text, err := d.one()
		if err != nil {
			return nil, err
		}
		if files, err = t.add(files, d, text); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// add adds to files the path that a word of a directive means, if it isn't "none".
func (t pathTokens) add(files []string, d directive, word string) ([]string, error) {
	if strings.EqualFold(word, "none") {
		return files, nil
	}
	file, err := t.path(d, word)
	if err != nil {
		return nil, err
	}
	return append(files, file), nil
}

// agent is the socket that IdentityAgent means.
func (t pathTokens) agent(d directive) (string, error) {
	text, err := d.one()
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
	return t.path(d, text)
}

// knownHosts are the files that ssh_config and OpenSSH's defaults name, the user's own first.
func (t pathTokens) knownHosts() ([]string, error) {
	system := "/etc/ssh"
	if runtime.GOOS == "windows" {
		system = filepath.Join(t.v.me.getenv("ProgramData"), "ssh")
	}
	ssh := filepath.Join(t.v.me.home, ".ssh")
	files := []string{}
	for _, of := range []struct {
		key      string
		defaults []string
	}{
		{"userknownhostsfile", []string{filepath.Join(ssh, "known_hosts"), filepath.Join(ssh, "known_hosts2")}},
		{"globalknownhostsfile", []string{filepath.Join(system, "ssh_known_hosts"), filepath.Join(system, "ssh_known_hosts2")}},
	} {
		d, ok := t.v.first[of.key]
		if !ok {
			files = append(files, of.defaults...)
			continue
		}
		for _, word := range d.args {
			var err error
			if files, err = t.add(files, d, word); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}
