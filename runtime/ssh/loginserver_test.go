package ssh

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
)

// loginServer starts a server that accepts only logins, by methods for which sshd needs PAM.
func loginServer(t *testing.T, config *gossh.ServerConfig) inventory.Host {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostkey")
	public := sshtest.NewKey(t, path)
	pem, err := os.ReadFile(path)
	must(t, err)
	signer, err := gossh.ParsePrivateKey(pem)
	must(t, err)
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				_, channels, requests, err := gossh.NewServerConn(c, config)
				if err != nil {
					return
				}
				wg.Go(func() { gossh.DiscardRequests(requests) })
				for ch := range channels {
					_ = ch.Reject(gossh.Prohibited, "logins only")
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return inventory.Host{Name: "web1", Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "deploy",
		HostKey:    strings.TrimSpace(public),
		Identities: []string{}, IdentityAgent: "none", Vars: map[string]any{}}
}
