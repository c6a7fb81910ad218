package lab

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
)

// machine is one sshd with the namespaces around it. sshd is the first process of its process namespace, so that
// the kernel ends everything on the machine with it.
type machine struct {
	name, user string
	address    string
	port       int
	dir        string // the lab's folder
	net        *network
	link       string // this machine's end of its cable; "" for one without a network of its own
	config     string // lines of sshd_config that win over the lab's own
	authorized string // its authorized_keys
	key        gossh.PublicKey

	tools  *tools
	sshd   *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{} // closed when sshd has ended
}

// setUp is run by /bin/sh as the first process of the machine, and becomes its sshd. It waits for its cable first.
// The lab's folder is kept in sight when a fresh /tmp covers it.
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
			return // it is killed in the end, and its words are in stderr and the log
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

// configure writes the machine's host key, authorized_keys and sshd_config.
func (m *machine) configure() error {
	signer, err := writeKey(m.path("key"))
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

// listening waits until sshd takes connections.
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
			return fmt.Errorf("sshd has ended at once: %s", m.words())
		case <-deadline:
			return fmt.Errorf("sshd does not answer within 10s: %w", err)
		case <-tick.C:
		}
	}
}

// words is what an sshd that has ended left to say.
func (m *machine) words() string {
	log, err := os.ReadFile(m.path("log"))
	if err != nil {
		log = nil // it did not come that far
	}
	return strings.TrimSpace(m.stderr.String() + string(log))
}

func (m *machine) inside(argv []string) (string, error) {
	target := strconv.Itoa(m.sshd.Process.Pid)
	return execute(m.tools.nsenter, append([]string{"-m", "-n", "-p", "-i", "-t", target, "--"}, argv...)...)
}

// end kills the machine, which ends everything on it, and waits for that.
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
