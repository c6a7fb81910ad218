package fs

import (
	"context"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

type pathArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
}

type readArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
	Max  int    `lua:"max" default:"16777216" doc:"the largest size in bytes that is read"`
}

type writeArgs struct {
	Path   string `lua:"path,arg" doc:"an absolute path on the host"`
	Text   string `lua:"text,arg" doc:"what the file is to hold"`
	Mode   string `lua:"mode" default:"0644" doc:"the file's mode, octal"`
	Append bool   `lua:"append" doc:"add the text, at most 32 KiB, at the end instead"`
}

type missingArgs struct {
	Paths []string `lua:"paths,arg" doc:"absolute paths on the host"`
}

type mkdirArgs struct {
	Path    string `lua:"path,arg" doc:"an absolute path on the host"`
	Mode    string `lua:"mode" doc:"the new folder's mode, octal; by default the host's umask decides"`
	Parents bool   `lua:"parents" default:"true" doc:"make the folders above it, too"`
}

type removeArgs struct {
	Path      string `lua:"path,arg" doc:"an absolute path on the host"`
	Recursive bool   `lua:"recursive" doc:"remove a folder with all that is in it"`
}

type renameArgs struct {
	From string `lua:"from,arg" doc:"an absolute path on the host"`
	To   string `lua:"to,arg" doc:"an absolute path on the same file system"`
}

type symlinkArgs struct {
	Target  string `lua:"target,arg" doc:"the absolute path that the link leads to"`
	Path    string `lua:"path,arg" doc:"the absolute path of the link"`
	Replace bool   `lua:"replace" default:"true" doc:"replace a link that leads elsewhere"`
}

// Module declares host.fs.
func Module() script.Module {
	return script.Module{
		Name: "fs", On: "host", Doc: "Files on a host, through SFTP. Paths are absolute.",
		Primitives: []script.Primitive{
			script.Func("exists", script.Reads, "Says whether something stands at the path, be it a link that leads nowhere.",
				func(ctx context.Context, h *ssh.Host, a pathArgs) (bool, error) { return Exists(ctx, h, a.Path) }).
				With(`if host.fs:exists("/srv/app/current") then log.info("released before") end`),
			script.Func("missing", script.Reads, "Returns those of the paths at which nothing stands. All are asked for together, in the time of one.",
				func(ctx context.Context, h *ssh.Host, a missingArgs) ([]string, error) {
					return Missing(ctx, h, a.Paths)
				}).
				With(`local needed = host.fs:missing({ "/srv/app/shared/.env", "/srv/app/shared/media" })`),
			script.Func("stat", script.Reads, "Describes what stands at the path: kind (file, folder, link or other), size in bytes, mode (octal), "+
				"modified (seconds since 1970), uid, gid. A link is described itself. Nothing there is an error.",
				func(ctx context.Context, h *ssh.Host, a pathArgs) (Info, error) { return Stat(ctx, h, a.Path) }).
				With(`local is_link = host.fs:stat("/srv/app/current").kind == "link"`),
			script.Func("list", script.Reads, "Lists the names in a folder, sorted. More than 1,000,000 are an error.",
				func(ctx context.Context, h *ssh.Host, a pathArgs) ([]string, error) { return List(ctx, h, a.Path) }).
				With(`for _, name in ipairs(host.fs:list("/srv/app/releases")) do print(name) end`),
			script.Func("read", script.Reads, "Reads a file. One larger than max is an error.",
				func(ctx context.Context, h *ssh.Host, a readArgs) (string, error) { return Read(ctx, h, a.Path, a.Max) }).
				With(`local marker = json.decode(host.fs:read("/srv/app/current/.runbook.json"))`),
			script.Func("write", script.Changes, "Makes a file hold the text: readers see the old file or the new one, whole. With append the text is "+
				"added by one write, so that several writers don't mix. A link at the path is an error.",
				func(ctx context.Context, h *ssh.Host, a writeArgs) (script.None, error) {
					return script.None{}, Write(ctx, h, a.Path, a.Text, WriteOptions{Mode: a.Mode, Append: a.Append})
				}).
				With(`host.fs:write("/srv/app/shared/settings.ini", "debug = false\n", { mode = "0640" })`),
			script.Func("mkdir", script.Changes, "Makes a folder. Returns true when it was made, false when it was there.",
				func(ctx context.Context, h *ssh.Host, a mkdirArgs) (bool, error) {
					return Mkdir(ctx, h, a.Path, MkdirOptions{Mode: a.Mode, Parents: a.Parents})
				}).
				With(`local made = host.fs:mkdir("/srv/app/releases", { mode = "0755" })`),
			script.Func("remove", script.Changes, "Removes a file, a link or an empty folder; with recursive a folder and all in it. A link is removed, never followed. "+
				"Returns false when nothing was there.",
				func(ctx context.Context, h *ssh.Host, a removeArgs) (bool, error) {
					return Remove(ctx, h, a.Path, a.Recursive)
				}).
				With(`host.fs:remove("/srv/app/releases/20260101-120000", { recursive = true })`),
			script.Func("rename", script.Changes, "Renames a file or folder as rename(2) does: what stands at the new name is replaced in one instant.",
				func(ctx context.Context, h *ssh.Host, a renameArgs) (script.None, error) {
					return script.None{}, Rename(ctx, h, a.From, a.To)
				}).
				With(`host.fs:rename("/srv/app/settings.new", "/srv/app/settings")`),
			script.Func("symlink", script.Changes, "Makes a link, or replaces one by one rename(2), and reads it back. Anything but a link at the path is an error. "+
				"Returns false when it led there already.",
				func(ctx context.Context, h *ssh.Host, a symlinkArgs) (bool, error) {
					return Symlink(ctx, h, a.Target, a.Path, a.Replace)
				}).
				With(`host.fs:symlink("/srv/app/releases/20260101-120000", "/srv/app/current")`),
			script.Func("readlink", script.Reads, "Returns where a link leads, as it is written in it.",
				func(ctx context.Context, h *ssh.Host, a pathArgs) (string, error) { return Readlink(ctx, h, a.Path) }).
				With(`local current = host.fs:readlink("/srv/app/current")`),
			script.Func("disk", script.Reads, "Tells the space on the file system that the path is on: bytes_free, bytes_total, inodes_free, inodes_total "+
				"(0 where there is no limit).",
				func(ctx context.Context, h *ssh.Host, a pathArgs) (Space, error) { return Disk(ctx, h, a.Path) }).
				With(`if host.fs:disk("/srv/app").bytes_free < 500 * 1024 * 1024 then fail("less than 500 MiB are free") end`),
		},
	}
}
