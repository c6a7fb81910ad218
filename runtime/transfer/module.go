package transfer

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/fs/owner"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

type uploadArgs struct {
	Local   script.LocalPath `lua:"local,arg" doc:"the file or folder on this machine, relative to the project"`
	Remote  string           `lua:"remote,arg" doc:"the path on the host"`
	Sudo    shell.Sudo       `lua:"sudo" doc:"true to write as root through sudo, or the name of another user"`
	Mode    string           `lua:"mode" doc:"the permissions of a file, or of all files in a folder, such as \"0640\"; by default their own"`
	Changed bool             `lua:"changed" doc:"send only the files that differ by SHA-256, mode or owner; then a folder may replace a folder, and what only the host has stays; exclude and delete imply it"`
	Exclude []Pattern        `lua:"exclude" doc:"what of a folder is not sent and stays as it is on the host, by patterns as in .gitignore: a name at any depth, such as \"*.pyc\", or with a slash a path in the folder, such as \"media/**/cache\"; with a slash at the end only folders"`
	Delete  bool             `lua:"delete" doc:"remove what only the host has, but for what exclude matches"`
	Owner   string           `lua:"owner" doc:"the user, by name or number; by default what is replaced keeps its own"`
	Group   string           `lua:"group" doc:"the group, by name or number; by default what is replaced keeps its own"`
}

type downloadArgs struct {
	Remote string           `lua:"remote,arg" doc:"the file or folder on the host"`
	Local  script.LocalPath `lua:"local,arg" doc:"the path on this machine, relative to the project"`
	Sudo   shell.Sudo       `lua:"sudo" doc:"true to read as root through sudo, or the name of another user"`
	Max    int64            `lua:"max" default:"4294967296" doc:"the limit in bytes; more is an error"`
}

// Module declares upload and download to Lua.
func Module() script.Module {
	return script.Module{
		On: "host", Doc: "Files from and to this machine.",
		Primitives: []script.Primitive{
			script.Func("upload", script.Changes,
				"Copy a file or a folder to the host, complete or not at all, with its modes. "+
					"A file replaces a file; a folder must be new, or replaces one with changed. "+
					"Return false if changed is set and the host had all of it.",
				luaUpload).
				With(`host:upload("site", "/srv/site", { exclude = { "*.pyc", "media/" }, delete = true })`).
				Assuming(true),
			script.Func("download", script.Changes,
				"Copy a file or a folder from the host to this machine, like upload.", luaDownload).
				With(`host:download("/srv/app/releases.log", "releases.log")`),
		},
	}
}

func luaUpload(ctx context.Context, h *shell.Host, a uploadArgs) (bool, error) {
	o, err := a.options()
	if err != nil {
		return false, err
	}
	return Upload(ctx, h, string(a.Local), a.Remote, o)
}

func (a uploadArgs) options() (UploadOptions, error) {
	o := UploadOptions{Changed: a.Changed, Exclude: a.Exclude, Delete: a.Delete, Sudo: a.Sudo.User}
	if a.Mode != "" {
		n, err := strconv.ParseUint(a.Mode, 8, 32)
		if err != nil || n == 0 || n > 0o777 {
			return o, fmt.Errorf("mode: want permissions such as \"0640\", got %q", a.Mode)
		}
		o.Mode = fs.FileMode(n)
	}
	var err error
	o.Owner, err = owner.Owner{User: a.Owner, Group: a.Group}.Split()
	return o, err
}

// Preview describes for a dry run what the call would change: in words, and for an existing folder
// with a line per path: + for new, ~ for changed and - for deleted. It can tell that nothing would
// change only if the call compares.
func (a uploadArgs) Preview(ctx context.Context, h *shell.Host) (note string, lines []string, same bool, err error) {
	o, err := a.options()
	if err != nil || !o.compares() {
		return "", nil, false, err
	}
	d, err := Compare(ctx, h, string(a.Local), a.Remote, o)
	switch {
	case err != nil || d.none():
		return "", nil, err == nil, err
	case !d.folder:
		return "", nil, false, nil
	case len(d.New) > 0 && d.New[0] == "":
		return fmt.Sprintf("a new folder with %d files and folders in it", len(d.New)-1), nil, false, nil
	}
	for sign, paths := range map[string][]string{"+ ": d.New, "~ ": d.Changed, "- ": d.Deleted} {
		for _, p := range paths {
			lines = append(lines, sign+shown(p))
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return d.String(), lines, false, nil
}

// shown returns a path for a line of a list. A name may have a line break in it.
func shown(p string) string {
	switch {
	case p == "":
		return "."
	case strconv.CanBackquote(p) && strings.TrimSpace(p) == p:
		return p
	}
	return strconv.Quote(p)
}

func luaDownload(ctx context.Context, h *shell.Host, a downloadArgs) (script.None, error) {
	if a.Max < 1 {
		return script.None{}, fmt.Errorf("max: want a number of bytes above 0, got %d", a.Max)
	}
	return script.None{}, Download(ctx, h, a.Remote, string(a.Local), DownloadOptions{Max: a.Max, Sudo: a.Sudo.User})
}
