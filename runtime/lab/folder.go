package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Folder is a directory with everything in a lab except its servers: keys, wheels, the
// application's repository, and the files that describe the servers.
type Folder struct {
	Dir       string
	temporary bool // made by NewFolder, removed by Remove

	mu   sync.Mutex
	repo *Repo
}

// NewFolder creates the folder dir, or a temporary one if dir is empty, with new keys and the
// wheels.
func NewFolder(dir string) (*Folder, error) {
	f := &Folder{Dir: dir}
	if dir == "" {
		made, err := os.MkdirTemp(shortTemp(), "lab-")
		if err != nil {
			return nil, fmt.Errorf("create the lab's folder: %w", err)
		}
		f.Dir, f.temporary = made, true
	}
	if err := f.fill(); err != nil {
		return nil, errors.Join(err, f.Remove())
	}
	return f, nil
}

func (f *Folder) fill() error {
	absolute, err := filepath.Abs(f.Dir)
	if err != nil {
		return fmt.Errorf("create the lab's folder: %w", err)
	}
	if err := os.MkdirAll(absolute, 0o755); err != nil {
		return fmt.Errorf("create the lab's folder: %w", err)
	}
	// Hosts resolve symlinks (on macOS, /tmp is one), so the paths handed out here must not contain
	// any.
	if f.Dir, err = filepath.EvalSymlinks(absolute); err != nil {
		return fmt.Errorf("create the lab's folder: %w", err)
	}
	// Servers that drop root privileges must be able to reach the application.
	if err := os.Chmod(f.Dir, 0o755); err != nil {
		return fmt.Errorf("make the lab's folder readable: %w", err)
	}
	for _, path := range []string{f.AdminKey(), f.DeployKey()} {
		if _, err := WriteKey(path); err != nil {
			return err
		}
	}
	return writeWheels(f.Wheels())
}

// Remove deletes a temporary folder. A folder that the caller named stays.
func (f *Folder) Remove() error {
	if !f.temporary {
		return nil
	}
	return os.RemoveAll(f.Dir)
}

// HostsFile returns the path of a hosts file in Lua that lists the lab's hosts.
func (f *Folder) HostsFile() string { return filepath.Join(f.Dir, "hosts.lua") }

// KnownHosts returns the path of a known_hosts file with the keys of the hosts and of the git
// server.
func (f *Folder) KnownHosts() string { return filepath.Join(f.Dir, "known_hosts") }

// AdminKey returns the path of the private key that logs in to the hosts, mode 0600. Its public
// half is beside it in admin.pub.
func (f *Folder) AdminKey() string { return filepath.Join(f.Dir, "admin") }

// DeployKey returns the path of the private key that may only read the repository, mode 0600. Its
// public half is beside it in deploy.pub.
func (f *Folder) DeployKey() string { return filepath.Join(f.Dir, "deploy") }

// Wheels returns the folder for pip's --find-links.
func (f *Folder) Wheels() string { return filepath.Join(f.Dir, "wheels") }

// Repo returns the application's repository. The first call creates it with one commit (greeting
// 1.0).
func (f *Folder) Repo() (*Repo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repo == nil {
		repo, err := newApplication(f.repoPaths())
		if err != nil {
			return nil, err
		}
		f.repo = repo
	}
	return f.repo, nil
}

// EmptyRepo creates a repository without commits, for an application other than the lab's own. Repo
// returns it from then on. It fails if a repository exists.
func (f *Folder) EmptyRepo() (*Repo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repo != nil {
		return nil, errors.New("the lab already has a repository")
	}
	repo, err := newRepo(f.repoPaths())
	if err != nil {
		return nil, err
	}
	f.repo = repo
	return repo, nil
}

func (f *Folder) repoPaths() (work, bare string) {
	return filepath.Join(f.Dir, "work"), filepath.Join(f.Dir, "app.git")
}

// Commit changes the application; see [Repo.Commit].
func (f *Folder) Commit(version string) (string, error) {
	repo, err := f.Repo()
	if err != nil {
		return "", err
	}
	return repo.Commit(version)
}

// Server is one server as known_hosts and the hosts file describe it.
type Server struct {
	Name, Address string
	Port          int
	Key           gossh.PublicKey
	Vars          string // Lua fields for the host's vars; may be empty
}

// WriteHosts writes known_hosts for all servers, and the hosts file for the hosts among them. user
// logs in to the hosts.
func (f *Folder) WriteHosts(user string, hosts []Server, others ...Server) error {
	var known, lua strings.Builder
	for _, s := range slices.Concat(others, hosts) {
		known.WriteString(knownhosts.Line([]string{fmt.Sprintf("%s:%d", s.Address, s.Port)}, s.Key) + "\n")
	}
	fmt.Fprintf(&lua, "-- Written by a lab: throwaway hosts on this machine.\n"+
		"return {\n  user = %s, identity = %s,\n  known_hosts = %s,\n", quoteLua(user), quoteLua(f.AdminKey()),
		quoteLua(f.KnownHosts()))
	for _, h := range hosts {
		fmt.Fprintf(&lua, "  { name = %s, address = %s, port = %d", quoteLua(h.Name), quoteLua(h.Address), h.Port)
		if h.Vars != "" {
			fmt.Fprintf(&lua, ",\n    vars = { %s }", h.Vars)
		}
		lua.WriteString(" },\n")
	}
	if err := os.WriteFile(f.KnownHosts(), []byte(known.String()), 0o644); err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	if err := os.WriteFile(f.HostsFile(), []byte(lua.String()+"}\n"), 0o644); err != nil {
		return fmt.Errorf("write the hosts file: %w", err)
	}
	return nil
}

// quoteLua quotes s for Lua 5.1, which has neither \x nor \u.
func quoteLua(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// WriteKey writes a new ed25519 key in OpenSSH's format: the private half to path, mode 0600, the
// public half to path.pub.
func WriteKey(path string) (gossh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create the key %s: %w", path, err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("create the key %s: %w", path, err)
	}
	block, err := gossh.MarshalPrivateKey(private, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("create the key %s: %w", path, err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	line := AuthorizedKey(signer.PublicKey()) + " " + filepath.Base(path) + "\n"
	if err := os.WriteFile(path+".pub", []byte(line), 0o644); err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	return signer, nil
}

// ReadPublicKey reads the public half of the key at path.
func ReadPublicKey(path string) (gossh.PublicKey, error) {
	line, err := os.ReadFile(path + ".pub")
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, _, _, _, err := gossh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, fmt.Errorf("read the key %s.pub: %w", path, err)
	}
	return key, nil
}

// AuthorizedKey formats a key for authorized_keys and known_hosts, without a comment or a newline.
func AuthorizedKey(key gossh.PublicKey) string {
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(key)))
}
