package sshconfig

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// expand replaces %x by tokens[x], %% by %, and with getenv ${NAME} by a variable of the
// environment. An unset variable is an error, because the path would name another file.
func expand(text string, tokens map[byte]string, getenv func(string) string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case getenv != nil && strings.HasPrefix(text[i:], "${"):
			name, _, ok := strings.Cut(text[i+2:], "}")
			if !ok {
				return "", errors.New("${ without }")
			}
			value := getenv(name)
			if value == "" {
				return "", fmt.Errorf("environment variable %s is not set", name)
			}
			b.WriteString(value)
			i += len("${") + len(name)
		case text[i] != '%':
			b.WriteByte(text[i])
		case i+1 == len(text):
			return "", errors.New("incomplete % at the end; write %% for a percent sign")
		default:
			i++
			value, ok := tokens[text[i]]
			if text[i] == '%' {
				value, ok = "%", true
			}
			if !ok {
				return "", fmt.Errorf("%%%c is not supported here", text[i])
			}
			b.WriteString(value)
		}
	}
	return b.String(), nil
}

// Tokens expands the %-tokens of a host.
type Tokens struct {
	me  Machine
	all map[byte]string
}

// Login is what tokens need to know of a host beyond its Values.
type Login struct {
	Host  string
	User  string
	Port  int
	Alias string // HostKeyAlias, or ""
}

// Tokens returns the tokens of a host.
func (v Values) Tokens(l Login) Tokens {
	key := v.Alias
	if l.Alias != "" {
		key = l.Alias
	}
	return v.me.tokens(v.Alias, key, l)
}

// tokens returns the tokens of a host. key is the name that its host key has.
func (m Machine) tokens(alias, key string, l Login) Tokens {
	short, _, _ := strings.Cut(m.Hostname, ".")
	port := strconv.Itoa(l.Port)
	hash := sha1.Sum([]byte(m.Hostname + l.Host + port + l.User))
	return Tokens{m, map[byte]string{
		'C': hex.EncodeToString(hash[:]), 'd': m.Home, 'h': l.Host, 'i': m.UID, 'k': key, 'L': short, 'l': m.Hostname,
		'n': alias, 'p': port, 'r': l.User, 'u': m.User,
	}}
}

// Path expands text to a file's path. A relative path starts from the current folder, as in
// OpenSSH.
func (t Tokens) Path(d Directive, text string) (string, error) {
	text, err := ExpandHome(text, t.me.Home)
	if err == nil {
		text, err = expand(text, t.all, t.me.Getenv)
	}
	if err == nil {
		text, err = t.me.Path(t.me.Dir, text)
	}
	if err != nil {
		return "", d.Errorf("%w", err)
	}
	return text, nil
}

// Command expands a proxy command or a jump host, which know fewer tokens.
func (t Tokens) Command(text string) (string, error) {
	few := map[byte]string{}
	for _, token := range []byte("hnprk") {
		few[token] = t.all[token]
	}
	return expand(text, few, nil)
}
