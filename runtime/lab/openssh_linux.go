package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// OpenSSH is a lab of hosts with real sshd, each in namespaces of its own: network, mounts, processes and IPC. A
// host has its own /srv, /tmp and home folder, all empty at first, and sees none of the processes of this machine;
// the rest of the file system is this machine's. It is a [Site].
type OpenSSH struct {
	*ground
	net   *network
	git   *machine
	hosts []*machine
}

var _ Site = (*OpenSSH)(nil)

// NewOpenSSH makes a lab in the folder dir, as New does, with a git server and one host a name. It needs root and the
// Debian packages openssh-server, iproute2, passwd, util-linux and git; what is missing is named in the error.
// Other users must be able to enter dir; an empty dir, which makes a temporary folder, sees to that.
// The users DeployUser and GitUser are made if they are missing, and stay.
func NewOpenSSH(options OpenSSHOptions) (*OpenSSH, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("an OpenSSH lab makes network namespaces, which needs root")
	}
	tools, err := findTools()
	if err != nil {
		return nil, err
	}
	for _, user := range []string{DeployUser, GitUser} {
		if err := tools.ensureUser(user); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return nil, fmt.Errorf("make sshd's folder: %w", err)
	}
	g, err := newGround(options.Dir)
	if err != nil {
		return nil, err
	}
	o := &OpenSSH{ground: g}
	if err := o.start(tools, options); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func (o *OpenSSH) start(tools *tools, options OpenSSHOptions) error {
	if err := reachable(o.dir); err != nil {
		return err
	}
	if _, err := o.Repo(); err != nil {
		return err
	}
	var err error
	if o.net, err = claimNetwork(tools); err != nil {
		return err
	}
	if o.git, err = o.startGit(tools); err != nil {
		return err
	}
	for i, name := range options.Hosts {
		m, err := o.startHost(tools, i, name, options.Config)
		if err != nil {
			return err
		}
		o.hosts = append(o.hosts, m)
	}
	return o.describe()
}

// startGit starts the git server beside the hosts, on the bridge itself.
func (o *OpenSSH) startGit(tools *tools) (*machine, error) {
	deploy, err := readPublic(o.DeployKey())
	if err != nil {
		return nil, err
	}
	// The repository is root's, and git reads a stranger's only when told that it may.
	settings := filepath.Join(o.dir, "gitconfig")
	if err := os.WriteFile(settings, []byte("[safe]\n\tdirectory = *\n"), 0o644); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	m := &machine{name: "git", user: GitUser, address: o.net.address(1), port: 2222, dir: o.dir, net: o.net}
	m.authorized = fmt.Sprintf("command=\"git-upload-pack %s\",restrict %s\n", o.repo.Bare, publicLine(deploy))
	m.config = "SetEnv GIT_CONFIG_GLOBAL=" + settings + "\n"
	return m, m.start(tools)
}

func (o *OpenSSH) startHost(tools *tools, i int, name, config string) (*machine, error) {
	admin, err := readPublic(o.AdminKey())
	if err != nil {
		return nil, err
	}
	m := &machine{
		name: name, user: DeployUser, address: o.net.address(11 + i), port: 22, dir: o.dir, net: o.net,
		link: o.net.linkName(i), config: config, authorized: publicLine(admin) + "\n",
	}
	return m, m.start(tools)
}

// describe writes known_hosts and the hosts file.
func (o *OpenSSH) describe() error {
	known := fmt.Sprintf("%s %s\n", keyName(o.git.address, o.git.port), publicLine(o.git.key))
	text := hostsHead(DeployUser, o.AdminKey(), o.KnownHosts())
	for _, m := range o.hosts {
		known += fmt.Sprintf("%s %s\n", keyName(m.address, m.port), publicLine(m.key))
		text += fmt.Sprintf("  { name = %s, address = %s },\n", luaString(m.name), luaString(m.address))
	}
	if err := os.WriteFile(o.KnownHosts(), []byte(known), 0o644); err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	if err := os.WriteFile(o.HostsFile(), []byte(text+"}\n"), 0o644); err != nil {
		return fmt.Errorf("write the hosts file: %w", err)
	}
	return nil
}

// RepoURL is the address of the repository on the git server.
func (o *OpenSSH) RepoURL() string {
	return fmt.Sprintf("ssh://%s@%s:%d/app.git", GitUser, o.git.address, o.git.port)
}

// Root is the folder for the application, the same on every host; it belongs to DeployUser.
func (o *OpenSSH) Root(host string) string {
	if _, err := o.host(host); err != nil {
		return ""
	}
	return "/srv/app"
}

// Address is the host's address, or "" when there is no such host; its port is 22.
func (o *OpenSSH) Address(host string) string {
	m, err := o.host(host)
	if err != nil {
		return ""
	}
	return m.address
}

// Log is what the host's sshd has logged so far, at level VERBOSE.
func (o *OpenSSH) Log(host string) (string, error) {
	m, err := o.host(host)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(m.path("log"))
	if err != nil {
		return "", fmt.Errorf("host %s: %w", host, err)
	}
	return string(text), nil
}

// Inside runs a program on the host as root; see [Site].
func (o *OpenSSH) Inside(host string, argv ...string) (string, error) {
	m, err := o.host(host)
	if err != nil {
		return "", err
	}
	return m.inside(argv)
}

// Link plugs the host's network cable in or out. Out means silence, not a refusal.
func (o *OpenSSH) Link(host string, up bool) error {
	m, err := o.host(host)
	if err != nil {
		return err
	}
	state := "down"
	if up {
		state = "up"
	}
	return o.net.ip("link", "set", m.link, state)
}

func (o *OpenSSH) host(name string) (*machine, error) {
	names := make([]string, len(o.hosts))
	for i, m := range o.hosts {
		if m.name == name {
			return m, nil
		}
		names[i] = m.name
	}
	return nil, fmt.Errorf("no host %s in the lab, only %s", name, strings.Join(names, ", "))
}

// Close ends the hosts with everything on them, the git server and the network, and removes a temporary folder.
func (o *OpenSSH) Close() error {
	var errs []error
	for _, m := range append(o.hosts, o.git) {
		if m != nil {
			errs = append(errs, m.end())
		}
	}
	o.hosts, o.git = nil, nil
	if o.net != nil {
		errs = append(errs, o.net.release())
		o.net = nil
	}
	if o.temporary {
		errs = append(errs, os.RemoveAll(o.dir))
	}
	return errors.Join(errs...)
}

// reachable tells whether other users can enter the folder.
func reachable(dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("the lab's folder: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("the lab's folder %s is out of reach for other users, for %s has mode %04o: "+
				"use a folder that anybody may enter, or none for a temporary one", dir, at, info.Mode().Perm())
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
