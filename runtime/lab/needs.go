package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Need is a program that the lab or the shipped recipes run, and the Debian package that has it.
type Need struct {
	Name, Package string
	probe         []string
}

// Missing returns the needs whose programs this machine lacks.
func Missing(ctx context.Context) ([]Need, error) {
	var missing []Need
	for _, n := range []Need{
		{"git", "git", []string{"git", "--version"}},
		{"the ssh client, which git logs in with", "openssh-client", []string{"ssh", "-V"}},
		{"flock", "util-linux", []string{"flock", "--version"}},
		{"python3", "python3", []string{"python3", "--version"}},
		{"python's venv", "python3-venv", []string{"python3", "-c", "import venv, ensurepip"}},
	} {
		err := exec.CommandContext(ctx, n.probe[0], n.probe[1:]...).Run()
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, exec.ErrNotFound), errors.As(err, &exit):
			missing = append(missing, n)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

// Names lists needs for a message.
func Names(needs []Need) string {
	var names []string
	for _, n := range needs {
		names = append(names, n.Name)
	}
	return strings.Join(names, ", ")
}

// Apt returns the command that installs needs on Debian and Ubuntu, as root.
func Apt(needs []Need) []string {
	command := []string{"apt-get", "install", "-y", "--no-install-recommends"}
	for _, n := range needs {
		command = append(command, n.Package)
	}
	return command
}

// Install installs needs with apt, using sudo if this is not root. sudo must not ask for a
// password.
func Install(ctx context.Context, needs []Need) error {
	for _, command := range [][]string{{"apt-get", "update", "-q"}, Apt(needs)} {
		if os.Getuid() != 0 {
			command = append([]string{"sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"}, command...)
		}
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
