package transfer

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"

	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

type uploadArgs struct {
	Local   script.LocalPath `lua:"local,arg" doc:"the file or folder on this machine, relative to the project"`
	Remote  string           `lua:"remote,arg" doc:"the path on the host"`
	Sudo    shell.Sudo       `lua:"sudo" doc:"true to write as root through sudo, or the name of another user"`
	Mode    string           `lua:"mode" doc:"a file's permissions, such as \"0640\"; by default its own"`
	Changed bool             `lua:"changed" doc:"send only the files that differ by SHA-256; then a folder may replace a folder"`
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
					"A file replaces a file; a folder must be new. Return false if changed is set and the host had all of it.",
				luaUpload).
				With(`host:upload("files/motd", "/etc/motd", { mode = "0644" })`).Assuming(true),
			script.Func("download", script.Changes,
				"Copy a file or a folder from the host to this machine, like upload.", luaDownload).
				With(`host:download("/srv/app/releases.log", "releases.log")`),
		},
	}
}

func luaUpload(ctx context.Context, h *shell.Host, a uploadArgs) (bool, error) {
	o := UploadOptions{Changed: a.Changed, Sudo: a.Sudo.User}
	if a.Mode != "" {
		n, err := strconv.ParseUint(a.Mode, 8, 32)
		if err != nil || n == 0 || n > 0o777 {
			return false, fmt.Errorf("mode: want permissions such as \"0640\", got %q", a.Mode)
		}
		o.Mode = fs.FileMode(n)
	}
	return Upload(ctx, h, string(a.Local), a.Remote, o)
}

func luaDownload(ctx context.Context, h *shell.Host, a downloadArgs) (script.None, error) {
	if a.Max < 1 {
		return script.None{}, fmt.Errorf("max: want a number of bytes above 0, got %d", a.Max)
	}
	return script.None{}, Download(ctx, h, a.Remote, string(a.Local), DownloadOptions{Max: a.Max, Sudo: a.Sudo.User})
}
