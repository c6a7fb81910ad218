package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/template"
	"runbook/runtime/ssh/shell"
)

// fileArgs are the arguments of host:file.
type fileArgs struct {
	Path     string           `lua:"path,arg" doc:"an absolute path on the host"`
	Text     *string          `lua:"text" doc:"the content"`
	From     script.LocalPath `lua:"from" doc:"the file on this machine with the content"`
	Template script.LocalPath `lua:"template" doc:"the file on this machine with a text for template, which values fill"`
	Values   map[string]any   `lua:"values" doc:"the values of the template by name"`
	Mode     string           `lua:"mode" doc:"the mode, octal; by default the file keeps its own, and a new one has 0644, by host:permissions, or 0600 with secret"`
	Owner    string           `lua:"owner" doc:"the user, by name or number; by default the file keeps its own"`
	Group    string           `lua:"group" doc:"the group, by name or number; by default the file keeps its own"`
	Validate []string         `lua:"validate" doc:"a command that must accept the new file before it replaces the old one; %s is its path"`
	Secret   secretContent    `lua:"secret" doc:"true to show nothing of the content; a text: the content itself, or a value in it; or a list of values in it, to hide everywhere"`
	sudoArgs
}

// secretContent is the secret option of host:file.
type secretContent struct {
	set    bool
	text   *string
	values []string
}

// LuaType names the three forms.
func (*secretContent) LuaType() string { return "boolean|string|string[]" }

// String returns nothing of the secret.
func (s secretContent) String() string { return "[secret]" }

// Secrets returns the values to hide everywhere.
func (s secretContent) Secrets() []string { return s.values }

// UnmarshalLua takes a boolean, a string or a list of strings.
func (s *secretContent) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case bool:
		s.set = v
		return nil
	case string:
		s.set, s.text, s.values = true, &v, []string{v}
		return nil
	case script.Table:
		if len(v.Fields) > 0 {
			break
		}
		for _, item := range v.List {
			text, ok := item.(string)
			if !ok {
				return fmt.Errorf("want a list of texts, got %s in it", script.Describe(item))
			}
			s.values = append(s.values, text)
		}
		s.set = len(v.List) > 0
		return nil
	}
	return errors.New("want true, a text or a list of texts")
}

// Draft describes the file that a call would write.
type Draft struct {
	Path, Text string
	User       string // for sudo, or ""
	Append     bool
	PutOptions
}

// Drafter is implemented by the arguments of calls that write a file.
type Drafter interface {
	Draft(ctx context.Context, h *shell.Host) (Draft, error)
}

// Comparer is implemented by the arguments of calls that may find nothing to change.
type Comparer interface {
	Differs(ctx context.Context, h *shell.Host) (bool, error)
}

// Differs reports whether the call would change the file.
func (a writeArgs) Differs(ctx context.Context, h *shell.Host) (bool, error) {
	return differs(ctx, h, a)
}

// Differs reports whether the call would change the file.
func (a fileArgs) Differs(ctx context.Context, h *shell.Host) (bool, error) {
	return differs(ctx, h, a)
}

func differs(ctx context.Context, h *shell.Host, a Drafter) (bool, error) {
	d, err := a.Draft(ctx, h)
	if err != nil || d.Append {
		return true, err
	}
	return As(h, d.User).Differs(ctx, d)
}

// Differs reports whether the call would change the mode.
func (a chmodArgs) Differs(ctx context.Context, h *shell.Host) (bool, error) {
	info, err := a.on(h).Stat(ctx, a.Path)
	if err != nil {
		return true, err
	}
	mode, err := parseMode(a.Mode)
	return octal(mode) != info.Mode, err
}

// Differs reports whether the call would change the owner.
func (a chownArgs) Differs(ctx context.Context, h *shell.Host) (bool, error) {
	wanted, err := a.owner()
	if err != nil {
		return true, err
	}
	now, err := a.on(h).look(ctx, "chown", a.Path)
	return !now.owner.Is(wanted), err
}

// Draft returns what the call would write.
func (a writeArgs) Draft(_ context.Context, h *shell.Host) (Draft, error) {
	mode := a.Mode
	if mode == "" {
		mode = octal(newMode(h, false))
	}
	return Draft{Path: a.Path, Text: a.Text, User: a.Sudo.User, Append: a.Append, PutOptions: PutOptions{Mode: mode}},
		nil
}

// Draft reads or fills the content.
func (a fileArgs) Draft(ctx context.Context, _ *shell.Host) (Draft, error) {
	d := Draft{Path: a.Path, User: a.Sudo.User, PutOptions: PutOptions{Mode: a.Mode, Owner: a.Owner, Group: a.Group,
		Validate: a.Validate, Secret: a.Secret.set}}
	if a.Text == nil && a.From == "" && a.Template == "" {
		a.Text = a.Secret.text
	}
	given := 0
	for _, is := range []bool{a.Text != nil, a.From != "", a.Template != ""} {
		if is {
			given++
		}
	}
	var err error
	switch {
	case given != 1:
		return d, event.WithHint(fmt.Errorf("%s: want one of text, from and template, got %d of them", a.Path, given),
			"for an empty file write text = \"\"")
	case a.Values != nil && a.Template == "":
		return d, fmt.Errorf("%s: values are for a template", a.Path)
	case len(a.Validate) > 0 && !strings.Contains(strings.Join(a.Validate, " "), "%s"):
		return d, event.WithHint(fmt.Errorf("%s: validate has no %%s, so it would look at the old file", a.Path),
			"write %s where the command takes the path of the file, such as { \"nginx\", \"-t\", \"-c\", \"%s\" }")
	case a.Text != nil:
		d.Text = *a.Text
	case a.From != "":
		d.Text, err = readLocal(string(a.From))
	default:
		d.Text, err = a.fill(ctx)
	}
	return d, err
}

// fill returns the text of the template with the values.
func (a fileArgs) fill(ctx context.Context) (string, error) {
	text, err := readLocal(string(a.Template))
	if err != nil {
		return "", err
	}
	t, err := template.Compile(string(a.Template), text)
	if err != nil {
		return "", err
	}
	return t.Fill(ctx, a.Values)
}

// readLocal returns the content of a file of this machine.
func readLocal(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", event.WithHint(fmt.Errorf("%s does not exist on this machine", path),
			"paths on this machine are relative to the project")
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a file", path)
	case info.Size() > DefaultMax:
		return "", event.WithHint(fmt.Errorf("%s has more than %d bytes", path, DefaultMax), "use host:upload")
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// FileModule declares host:file.
func FileModule() script.Module {
	return script.Module{On: "host", Doc: "Files on a host.", Primitives: []script.Primitive{
		script.Func("file", script.Changes,
			"Make a file have this content, mode and owner: written atomically, or not at all if it has them already. "+
				"Return whether it changed. A link or a folder at the path is an error.",
			func(ctx context.Context, h *shell.Host, a fileArgs) (bool, error) {
				h.Hide(a.Secret.values)
				d, err := a.Draft(ctx, h)
				if err != nil {
					return false, err
				}
				return As(h, d.User).Put(ctx, d.Path, d.Text, d.PutOptions)
			}).
			With(`local changed = host:file("/srv/app/shared/app.conf", ` +
				`{ text = "port = 8000\n", mode = "0640", validate = { "grep", "-q", "port", "%s" } })`).
			Assuming(true),
	}}
}
