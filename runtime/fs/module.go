package fs

import (
	"context"

	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

type pathArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
}

type readArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
	Max  int    `lua:"max" default:"16777216" doc:"the maximum size in bytes"`
}

type writeArgs struct {
	Path   string `lua:"path,arg" doc:"an absolute path on the host"`
	Text   string `lua:"text,arg" doc:"the file's content"`
	Mode   string `lua:"mode" doc:"the file's mode, octal (default: 0644, or by host:permissions)"`
	Append bool   `lua:"append" doc:"add the text, at most 32 KiB, to the end"`
}

type missingArgs struct {
	Paths []string `lua:"paths,arg" doc:"absolute paths on the host"`
}

type mkdirArgs struct {
	Path    string `lua:"path,arg" doc:"an absolute path on the host"`
	Mode    string `lua:"mode" doc:"the new folder's mode, octal (default: by host:permissions, or by the host's umask)"`
	Parents bool   `lua:"parents" default:"true" doc:"also create missing parent folders"`
}

type removeArgs struct {
	Path      string `lua:"path,arg" doc:"an absolute path on the host"`
	Recursive bool   `lua:"recursive" doc:"remove a folder and everything in it"`
}

type renameArgs struct {
	From string `lua:"from,arg" doc:"an absolute path on the host"`
	To   string `lua:"to,arg" doc:"an absolute path on the same file system"`
}

type symlinkArgs struct {
	Target  string `lua:"target,arg" doc:"the absolute path that the link points to"`
	Path    string `lua:"path,arg" doc:"the absolute path of the link"`
	Replace bool   `lua:"replace" default:"true" doc:"replace a link to another target"`
}

// Module declares host.fs.
func Module() script.Module {
	return script.Module{
		Name: "fs", On: "host", Doc: "Files on a host, through SFTP. Paths are absolute.",
		Primitives: []script.Primitive{
			script.Func("exists", script.Reads, "Return whether the path exists: a file, a folder or a link, even a dangling one.",
				func(ctx context.Context, h *shell.Host, a pathArgs) (bool, error) { return Exists(ctx, h, a.Path) }).
				With(`if host.fs:exists("/srv/app/current") then log.info("released before") end`),
			script.Func("missing", script.Reads, "Return the paths that do not exist. All are looked at concurrently.",
				func(ctx context.Context, h *shell.Host, a missingArgs) ([]string, error) {
					return Missing(ctx, h, a.Paths)
				}).
				With(`local needed = host.fs:missing({ "/srv/app/shared/.env", "/srv/app/shared/media" })`),
			script.Func("stat", script.Reads, "Describe a file, a folder or a link: kind (file, folder, link or other), size in bytes, mode (octal), "+
				"modified (seconds since 1970), uid, gid. For a link it describes the link itself. A missing path is an error.",
				func(ctx context.Context, h *shell.Host, a pathArgs) (Info, error) { return Stat(ctx, h, a.Path) }).
				With(`local is_link = host.fs:stat("/srv/app/current").kind == "link"`),
			script.Func("list", script.Reads, "Return the sorted names in a folder. More than 1,000,000 are an error.",
				func(ctx context.Context, h *shell.Host, a pathArgs) ([]string, error) { return List(ctx, h, a.Path) }).
				With(`for _, name in ipairs(host.fs:list("/srv/app/releases")) do print(name) end`),
			script.Func("read", script.Reads, "Return the content of a file. A file larger than max is an error.",
				func(ctx context.Context, h *shell.Host, a readArgs) (string, error) {
					return Read(ctx, h, a.Path, a.Max)
				}).
				With(`local marker = json.decode(host.fs:read("/srv/app/current/.runbook.json"))`),
			script.Func("write", script.Changes, "Write a file atomically: readers see the whole old file or the whole new one. With append, add the text "+
				"by one write, so that the texts of concurrent writers do not mix. A link at the path is an error.",
				writeText).
				With(`host.fs:write("/srv/app/shared/settings.ini", "debug = false\n", { mode = "0640" })`),
			script.Func("mkdir", script.Changes, "Create a folder. Return true if it was created, false if it existed.",
				func(ctx context.Context, h *shell.Host, a mkdirArgs) (bool, error) {
					return Mkdir(ctx, h, a.Path, MkdirOptions{Mode: a.Mode, Parents: a.Parents})
				}).
				With(`local made = host.fs:mkdir("/srv/app/releases", { mode = "0755" })`),
			script.Func("remove", script.Changes, "Remove a file, a link or an empty folder; with recursive, a folder and everything in it. A link is removed, never followed. "+
				"Return false if nothing was there.",
				func(ctx context.Context, h *shell.Host, a removeArgs) (bool, error) {
					return Remove(ctx, h, a.Path, a.Recursive)
				}).
				With(`host.fs:remove("/srv/app/releases/20260101-120000", { recursive = true })`),
			script.Func("rename", script.Changes, "Rename a file or folder as rename(2) does: an existing file at the new name is replaced atomically.",
				func(ctx context.Context, h *shell.Host, a renameArgs) (script.None, error) {
					return script.None{}, Rename(ctx, h, a.From, a.To)
				}).
				With(`host.fs:rename("/srv/app/settings.new", "/srv/app/settings")`),
			script.Func("symlink", script.Changes, "Create a link, or replace one by one rename(2), and read it back. Anything but a link at the path is an error. "+
				"Return false if the link points to the target already.",
				func(ctx context.Context, h *shell.Host, a symlinkArgs) (bool, error) {
					return Symlink(ctx, h, a.Target, a.Path, a.Replace)
				}).
				With(`host.fs:symlink("/srv/app/releases/20260101-120000", "/srv/app/current")`),
			script.Func("readlink", script.Reads, "Return the target of a link, unchanged.",
				func(ctx context.Context, h *shell.Host, a pathArgs) (string, error) { return Readlink(ctx, h, a.Path) }).
				With(`local current = host.fs:readlink("/srv/app/current")`),
			script.Func("disk", script.Reads, "Return the space on the file system of the path: bytes_free, bytes_total, inodes_free, inodes_total "+
				"(0 if there is no limit).",
				func(ctx context.Context, h *shell.Host, a pathArgs) (Space, error) { return Disk(ctx, h, a.Path) }).
				With(`if host.fs:disk("/srv/app").bytes_free < 500 * 1024 * 1024 then fail("less than 500 MiB are free") end`),
		},
	}
}

func writeText(ctx context.Context, h *shell.Host, a writeArgs) (script.None, error) {
	return script.None{}, Write(ctx, h, a.Path, a.Text, WriteOptions{Mode: a.Mode, Append: a.Append})
}
