// Package sshconfig reads ssh_config files as OpenSSH reads them.
//
// Its one rule: nothing is ignored. What OpenSSH would do with a line either happens here, or is on
// a list of directives without an effect, or is an error that names the line. The package knows
// what a line applies to, but not what it means: package inventory builds hosts from its values.
//
// The man page says less than the source code about the second pass, about Include and about
// quotes. Where they differ, this package follows OpenSSH 9.2, with which TestCorpus compares it.
package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strings"
)

// Options configure a Reader.
type Options struct {
	Machine Machine
	File    string // the only file to read; "" for the user's own and the system's, "none" for no file
	// Offline takes every Match exec as false and looks no name up. It is for callers that only
	// check whether the files can be read.
	Offline bool
	Warn    func(text string) // gets what commands of Match exec print; may be nil
}

// Reader reads ssh_config files, each once.
type Reader struct {
	me      Machine
	offline bool
	warn    func(string)
	main    []mainFile
	files   map[string][]Directive
	ran     map[string]bool // commands of Match exec that were run, and whether they succeeded
	read    func(path string, private bool) ([]byte, error)
	glob    func(pattern string) ([]string, error)
	lookup  func(ctx context.Context, name, family string) (found bool, cname string, err error)
}

// mainFile is a file that no other one includes.
type mainFile struct {
	lines  []Directive
	system bool // its relative Includes start from the system's folder
}

// Open reads the files.
func Open(o Options) (*Reader, error) {
	r := &Reader{me: o.Machine, offline: o.Offline, warn: o.Warn, files: map[string][]Directive{},
		ran:  map[string]bool{},
		read: readFile, glob: glob, lookup: lookupHost}
	switch o.File {
	case "none":
		return r, nil
	case "":
		err := r.addMain(filepath.Join(o.Machine.Home, ".ssh", "config"), true, false)
		if err == nil {
			err = r.addMain(filepath.Join(o.Machine.System, "ssh_config"), false, true)
		}
		return r, err
	}
	lines, err := r.load(o.File, false)
	r.main = []mainFile{{lines: lines}}
	return r, err
}

// addMain adds a main file, which may be missing.
func (r *Reader) addMain(path string, private, system bool) error {
	lines, err := r.load(path, private)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.main = append(r.main, mainFile{lines, system})
	return err
}

// load returns the lines of a file. A private file is an error if others can write to it.
func (r *Reader) load(path string, private bool) ([]Directive, error) {
	if lines, ok := r.files[path]; ok {
		return lines, nil
	}
	text, err := r.read(path, private)
	if err != nil {
		return nil, err
	}
	lines, err := parseFile(r.me.Display(path), path, text)
	if err == nil {
		r.files[path] = lines
	}
	return lines, err
}

// Given holds what is already decided about a host, as command-line options of ssh do.
type Given struct {
	User    string // or ""
	Port    int    // or 0
	Proxied bool   // a jump host or a proxy command was given: ProxyJump and ProxyCommand do not count
}

// Values holds what ssh_config sets for one host: the first value of each directive, or all of
// those that accumulate. Tokens are not expanded yet.
type Values struct {
	Alias   string // the host as typed after "ssh"
	Address string // HostName or the alias, canonicalized and in lower case

	me    Machine
	given Given
	first map[string]Directive
	all   map[string][]Directive // identityfile, certificatefile
	skip  []string               // patterns of IgnoreUnknown
}

// First returns the value of a directive, by its name in lower case.
func (v Values) First(key string) (Directive, bool) {
	d, ok := v.first[key]
	return d, ok
}

// All returns the values of a directive that accumulates.
func (v Values) All(key string) []Directive { return v.all[key] }

// Lookup returns the values that "ssh alias" would use.
func (r *Reader) Lookup(ctx context.Context, alias string, given Given) (Values, error) {
	v := &Values{Alias: alias, me: r.me, given: given, first: map[string]Directive{}, all: map[string][]Directive{}}
	if given.User != "" {
		v.first["user"] = Directive{Name: "User", Key: "user", Args: []string{given.User}}
	}
	if given.Port != 0 {
		v.first["port"] = Directive{Name: "Port", Key: "port", Args: []string{fmt.Sprint(given.Port)}}
	}
	p := &pass{ctx: ctx, reader: r, values: v, host: alias}
	if err := p.run(); err != nil {
		return Values{}, err
	}
	var err error
	if v.Address, err = v.target(); err != nil {
		return Values{}, err
	}
	if ip, err := netip.ParseAddr(v.Address); err == nil {
		v.Address = ip.String()
	} else {
		v.Address = strings.ToLower(v.Address)
	}
	canonicalized, err := r.canonicalize(ctx, v)
	if err != nil {
		return Values{}, err
	}
	if !canonicalized && !p.wantsFinal {
		return *v, nil
	}
	// HostName was applied. In this pass Host and Match compare the resulting name.
	d, ok := v.first["hostname"]
	if !ok {
		d = v.first["canonicalizehostname"]
	}
	d.Name, d.Key, d.Args = "HostName", "hostname", []string{v.Address}
	v.first["hostname"] = d
	p = &pass{ctx: ctx, reader: r, values: v, host: v.Address, final: true}
	return *v, p.run()
}

// target returns HostName with tokens expanded, or the alias.
func (v *Values) target() (string, error) {
	d, ok := v.first["hostname"]
	if !ok {
		return v.Alias, nil
	}
	name, err := d.One()
	if err != nil {
		return "", err
	}
	name, err = expand(name, map[byte]string{'h': v.Alias}, nil)
	if err != nil {
		return "", d.Errorf("%w", err)
	}
	return name, nil
}
