package labtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/lab"
)

// machine is an sshd in its own namespaces. sshd is the first process of its process namespace, so
// the kernel ends everything on the machine with it.
type machine struct {
	name, user string
	address    string
	port       int
	dir        string // the lab's folder
	net        *network
	link       string // the bridge's end of its network cable; "" for a machine without its own network
	config     string // lines of sshd_config that override the lab's own
	authorized string // authorized_keys
	key        gossh.PublicKey

	tools  *tools
	sshd   *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{} // closed when sshd has ended
}

// setUp is the first process of the machine and becomes its sshd. It waits for its network cable
// first. It mounts the lab's folder at /mnt in between, because the folder may be in the /tmp that
// a new /tmp hides.
const setUp = `set -eu
read -r plugged
mount --make-rprivate /
mount -t proc proc /proc
mount --bind "$LAB" /mnt
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p "$LAB"
mount --move /mnt "$LAB"
mount -t tmpfs -o mode=755 tmpfs /srv
mkdir /srv/app
chown "$OWNER:" /srv/app
mount -t tmpfs -o mode=755 tmpfs "$FOLDER"
chown "$OWNER:" "$FOLDER"
if [ "$CABLE" = yes ]; then
	ip link set lo up
	ip address add "$ADDRESS/24" dev eth0
	ip link set eth0 up
fi
exec "$SSHD" -D -f "$CONFIG" -E "$LOG" </dev/null
`

// path returns the path of one of the machine's files in the lab's folder.
func (m *machine) path(kind string) string { return filepath.Join(m.dir, "sshd-"+m.name+"."+kind) }

// start starts the machine and returns when its sshd answers.
func (m *machine) start(tools *tools) error {
	m.tools = tools
	if err := m.configure(); err != nil {
		return fmt.Errorf("host %s: %w", m.name, err)
	}
	owner, err := user.Lookup(m.user)
	if err != nil {
		return fmt.Errorf("host %s: %w", m.name, err)
	}
	flags := uintptr(syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC)
	cable := "no"
	if m.link != "" {
		flags |= syscall.CLONE_NEWNET
		cable = "yes"
	}
	m.sshd = exec.Command("/bin/sh", "-c", setUp)
	m.sshd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LAB=" + m.dir, "OWNER=" + m.user, "FOLDER=" + owner.HomeDir, "CABLE=" + cable, "ADDRESS=" + m.address,
		"SSHD=" + tools.sshd, "CONFIG=" + m.path("conf"), "LOG=" + m.path("log"),
	}
	m.sshd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setsid: true}
	m.sshd.Stderr = &m.stderr
	plugged, err := m.sshd.StdinPipe()
	if err != nil {
		return fmt.Errorf("host %s: %w", m.name, err)
	}
	if err := m.sshd.Start(); err != nil {
		return fmt.Errorf("host %s: %w", m.name, err)
	}
	m.ended = make(chan struct{})
	go func() {
		defer close(m.ended)
		if err := m.sshd.Wait(); err != nil {
			return // end kills sshd; its output is in stderr and the log
		}
	}()
	if m.link != "" {
		err = m.net.plug(m.link, m.sshd.Process.Pid)
	}
	if err == nil {
		_, err = plugged.Write([]byte("yes\n"))
	}
	if err == nil {
		err = m.listening()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("host %s: %w", m.name, err), m.end())
	}
	return nil
}

// server describes the machine for the hosts file and known_hosts.
func (m *machine) server() lab.Server {
	return lab.Server{Name: m.name, Address: m.address, Port: m.port, Key: m.key}
}

// configure writes the machine's host key, authorized_keys and sshd_config.
func (m *machine) configure() error {
	signer, err := lab.WriteKey(m.path("key"))
	if err != nil {
		return err
	}
	m.key = signer.PublicKey()
	lines := []string{
		strings.TrimSpace(m.config),
		"ListenAddress " + m.address + ":" + strconv.Itoa(m.port),
		"HostKey " + m.path("key"),
		"PidFile none",
		"AuthorizedKeysFile " + m.path("authorized"),
		"AllowUsers " + m.user,
		"StrictModes no",
		"UsePAM no",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"AcceptEnv LANG LC_*",
		"AllowAgentForwarding yes",
		"Subsystem sftp internal-sftp",
		"MaxStartups 100:30:200",
		"LogLevel VERBOSE",
	}
	if err := os.WriteFile(m.path("conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(m.path("authorized"), []byte(m.authorized), 0o644)
}

// listening waits until sshd accepts connections.
func (m *machine) listening() error {
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(m.address, strconv.Itoa(m.port)), time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-m.ended:
			return fmt.Errorf("sshd has exited: %s", m.output())
		case <-deadline:
			return fmt.Errorf("sshd does not answer after 10s: %w", err)
		case <-tick.C:
		}
	}
}

// output returns the output and the log of an sshd that has exited.
func (m *machine) output() string {
	log, err := os.ReadFile(m.path("log"))
	if err != nil {
		log = nil // sshd failed before it opened the log
	}
	return strings.TrimSpace(m.stderr.String() + string(log))
}

// inside runs a program in the namespaces of the machine.
func (m *machine) inside(argv []string) (string, error) {
	target := strconv.Itoa(m.sshd.Process.Pid)
	return execute(m.tools.nsenter, append([]string{"-m", "-n", "-p", "-i", "-t", target, "--"}, argv...)...)
}

// end kills the machine with everything on it and waits.
func (m *machine) end() error {
	var errs []error
	if m.ended != nil {
		if err := m.sshd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, fmt.Errorf("host %s: %w", m.name, err))
		}
		<-m.ended
		m.ended = nil
		if m.link != "" {
			errs = append(errs, m.net.unplug(m.link))
		}
	}
	return errors.Join(errs...)
}
