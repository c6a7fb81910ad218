package labtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"runbook/runtime/lab"
)

// The users of an OpenSSH lab.
const (
	DeployUser = "runbook-deploy" // logs in to the hosts; its login shell is bash, and it has no password
	GitUser    = "runbook-git"    // serves the repository
)

// OpenSSHOptions configure an OpenSSH lab.
type OpenSSHOptions struct {
	Dir    string   // the lab's folder; if empty, a temporary one, which Close removes
	Hosts  []string // the names of the hosts
	Config string   // lines for every host's sshd_config; they override the lab's own

	GitConfig string // lines for the git server's sshd_config; they override the lab's own
}

// OpenSSH is a lab of hosts with real sshd, each in its own network, mount, process and IPC
// namespaces. A host has an empty /srv, /tmp and home folder, and sees none of this machine's
// processes. The rest of the file system is this machine's.
type OpenSSH struct {
	*lab.Folder
	repo  *lab.Repo
	net   *network
	git   *machine
	hosts []*machine
}

var _ Site = (*OpenSSH)(nil)

// NewOpenSSH creates a lab with a git server and one host per name. It needs root and the Debian
// packages openssh-server, iproute2, passwd, util-linux and git; the error names a missing one.
// Other users must be able to enter options.Dir. DeployUser and GitUser are created if missing, and
// stay.
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
	folder, err := lab.NewFolder(options.Dir)
	if err != nil {
		return nil, err
	}
	o := &OpenSSH{Folder: folder}
	if err := o.start(tools, options); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func (o *OpenSSH) start(tools *tools, options OpenSSHOptions) error {
	if err := checkReachable(o.Dir); err != nil {
		return err
	}
	var err error
	if o.repo, err = o.Repo(); err != nil {
		return err
	}
	if o.net, err = claimNetwork(tools); err != nil {
		return err
	}
	if o.git, err = o.startGit(tools, options.GitConfig); err != nil {
		return err
	}
	var hosts []lab.Server
	for i, name := range options.Hosts {
		m, err := o.startHost(tools, i, name, options.Config)
		if err != nil {
			return err
		}
		o.hosts = append(o.hosts, m)
		hosts = append(hosts, m.server())
	}
	return o.WriteHosts(DeployUser, hosts, o.git.server())
}

// serveScript is the only command that the deploy key may run: it serves the bare repositories in
// the lab's folder, as /NAME.git, and answers git-lfs with the file NAME.lfs there.
const serveScript = `#!/bin/sh
set -f
cd %s || exit
name=${SSH_ORIGINAL_COMMAND#* }
name=${name#\'}
name=${name#/}
name=${name%%%%.git*}
case $name in *[!a-z0-9-]*) exit 1 ;; esac
case $SSH_ORIGINAL_COMMAND in
"git-upload-pack "*) exec git-upload-pack "$name.git" ;;
"git-lfs-authenticate "*download*) exec cat "$name.lfs" ;;
esac
echo "unknown command: $SSH_ORIGINAL_COMMAND" >&2
exit 1
`

// startGit starts the git server on the bridge itself, next to the hosts.
func (o *OpenSSH) startGit(tools *tools, config string) (*machine, error) {
	deploy, err := lab.ReadPublicKey(o.DeployKey())
	if err != nil {
		return nil, err
	}
	// root owns the repository; git reads another user's repository only where this setting allows
	// it.
	settings := filepath.Join(o.Dir, "gitconfig")
	if err := os.WriteFile(settings, []byte("[safe]\n\tdirectory = *\n"), 0o644); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	m := &machine{name: "git", user: GitUser, address: o.net.address(1), port: 2222, dir: o.Dir, net: o.net}
	serve := filepath.Join(o.Dir, "git-serve")
	if err := os.WriteFile(serve, []byte(fmt.Sprintf(serveScript, o.Dir)), 0o755); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	m.authorized = fmt.Sprintf("command=\"%s\",restrict %s\n", serve, lab.AuthorizedKey(deploy))
	// The key exchange that OpenSSH prefers takes git on the hosts 40 ms of CPU each time.
	m.config = config + "\nKexAlgorithms curve25519-sha256\nSetEnv GIT_CONFIG_GLOBAL=" + settings + "\n"
	return m, m.start(tools)
}

func (o *OpenSSH) startHost(tools *tools, i int, name, config string) (*machine, error) {
	admin, err := lab.ReadPublicKey(o.AdminKey())
	if err != nil {
		return nil, err
	}
	m := &machine{
		name: name, user: DeployUser, address: o.net.address(11 + i), port: 22, dir: o.Dir, net: o.net,
		link: o.net.linkName(i), config: config, authorized: lab.AuthorizedKey(admin) + "\n",
	}
	return m, m.start(tools)
}

// RepoURL returns the address of the repository on the git server.
func (o *OpenSSH) RepoURL() string {
	return fmt.Sprintf("ssh://%s@%s:%d/app.git", GitUser, o.git.address, o.git.port)
}

// Root returns the application folder, which is the same on every host and belongs to DeployUser.
func (o *OpenSSH) Root(host string) string {
	if _, err := o.host(host); err != nil {
		return ""
	}
	return "/srv/app"
}

// Address returns the host's address, or "" if there is no such host. The port is 22.
func (o *OpenSSH) Address(host string) string {
	m, err := o.host(host)
	if err != nil {
		return ""
	}
	return m.address
}

// Log returns what the host's sshd has logged so far, at level VERBOSE.
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

// Link connects or disconnects the host's network cable. A disconnected host does not answer: it
// does not even refuse connections.
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
	return nil, unknownHost(name, names)
}

// Close ends the hosts with everything on them, the git server and the network, and removes a
// temporary folder.
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
	return errors.Join(append(errs, o.Remove())...)
}

// checkReachable returns an error if other users cannot enter the folder.
func checkReachable(dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("the lab's folder: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("other users cannot enter the lab's folder %s: %s has mode %04o; "+
				"use another folder, or none for a temporary one", dir, at, info.Mode().Perm())
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
