package fs

import (
	"context"

	"runbook/runtime/fs/owner"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// sudoArgs is the option that all functions on files have.
type sudoArgs struct {
	Sudo shell.Sudo `lua:"sudo" doc:"true to work as root through sudo, or the name of another user"`
}

// on returns the files of a host for the user of the option.
func (a sudoArgs) on(h *shell.Host) Files { return As(h, a.Sudo.User) }

type pathArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
	sudoArgs
}

type readArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
	Max  int    `lua:"max" default:"16777216" doc:"the maximum size in bytes"`
	sudoArgs
}

type writeArgs struct {
	Path   string `lua:"path,arg" doc:"an absolute path on the host"`
	Text   string `lua:"text,arg" doc:"the file's content"`
	Mode   string `lua:"mode" doc:"the file's mode, octal (default: 0644, or by host:permissions)"`
	Append bool   `lua:"append" doc:"add the text, at most 32 KiB, to the end"`
	Line   bool   `lua:"line" doc:"with append, begin on a line of its own, where another writer has not ended the last one"`
	sudoArgs
}

type missingArgs struct {
	Paths []string `lua:"paths,arg" doc:"absolute paths on the host"`
	sudoArgs
}

type mkdirArgs struct {
	Path    string `lua:"path,arg" doc:"an absolute path on the host"`
	Mode    string `lua:"mode" doc:"the new folder's mode, octal (default: by host:permissions, or by the host's umask)"`
	Parents bool   `lua:"parents" default:"true" doc:"also create missing parent folders"`
	sudoArgs
}

type removeArgs struct {
	Path      string `lua:"path,arg" doc:"an absolute path on the host"`
	Recursive bool   `lua:"recursive" doc:"remove a folder and everything in it"`
	sudoArgs
}

type chmodArgs struct {
	Path string `lua:"path,arg" doc:"an absolute path on the host"`
	Mode string `lua:"mode,arg" doc:"the mode, octal, such as \"0640\""`
	sudoArgs
}

type chownArgs struct {
	Path  string `lua:"path,arg" doc:"an absolute path on the host"`
	Owner string `lua:"owner,arg" doc:"USER, USER:GROUP or :GROUP, by name or number"`
	Group string `lua:"group" doc:"the group, by name or number"`
	sudoArgs
}

func (a chownArgs) owner() (owner.Owner, error) {
	return owner.Owner{User: a.Owner, Group: a.Group}.Split()
}

type tempArgs struct {
	sudoArgs
	Fn script.Callback `lua:"fn,arg" doc:"called with the path of the folder"`
}

type renameArgs struct {
	From string `lua:"from,arg" doc:"an absolute path on the host"`
	To   string `lua:"to,arg" doc:"an absolute path on the same file system"`
	sudoArgs
}

type symlinkArgs struct {
	Target  string `lua:"target,arg" doc:"the absolute path that the link points to"`
	Path    string `lua:"path,arg" doc:"the absolute path of the link"`
	Replace bool   `lua:"replace" default:"true" doc:"replace a link to another target"`
	sudoArgs
}

// Module declares host.fs. In a dry run host.fs:temp makes no folder.
func Module(dryRun bool) script.Module {
	return script.Module{
		Name: "fs", On: "host", Doc: "Files on a host. Paths are absolute.",
		Primitives: append(append(readers(), changers()...), temp(dryRun)),
	}
}

// readers declares the functions that read files.
func readers() []script.Primitive {
	return []script.Primitive{
		script.Func("exists", script.Reads,
			"Return whether the path exists: a file, a folder or a link, even a dangling one.",
			func(ctx context.Context, h *shell.Host, a pathArgs) (bool, error) { return a.on(h).Exists(ctx, a.Path) }).
			With(`if host.fs:exists("/srv/app/current") then log.info("released before") end`),
		script.Func("missing", script.Reads, "Return the paths that do not exist, by one question for all of them.",
			func(ctx context.Context, h *shell.Host, a missingArgs) ([]string, error) {
				return a.on(h).Missing(ctx, a.Paths)
			}).
			With(`local needed = host.fs:missing({ "/srv/app/shared/.env", "/srv/app/shared/media" })`),
		script.Func("stat", script.Reads,
			"Describe a file, a folder or a link: kind (file, folder, link or other), size in bytes, mode (octal), "+
				"modified (seconds since 1970), uid, gid. For a link it describes the link itself. "+
				"A missing path is an error.",
			func(ctx context.Context, h *shell.Host, a pathArgs) (Info, error) { return a.on(h).Stat(ctx, a.Path) }).
			With(`local is_link = host.fs:stat("/srv/app/current").kind == "link"`),
		script.Func("list", script.Reads, "Return the sorted names in a folder. More than 1,000,000 are an error.",
			func(ctx context.Context, h *shell.Host, a pathArgs) ([]string, error) {
				return a.on(h).List(ctx, a.Path)
			}).
			With(`for _, name in ipairs(host.fs:list("/srv/app/releases")) do print(name) end`),
		script.Func("read", script.Reads, "Return the content of a file. A file larger than max is an error.",
			func(ctx context.Context, h *shell.Host, a readArgs) (string, error) {
				return a.on(h).Read(ctx, a.Path, a.Max)
			}).
			With(`local marker = json.decode(host.fs:read("/srv/app/current/.runbook.json"))`),
		script.Func("readlink", script.Reads, "Return the target of a link, unchanged.",
			func(ctx context.Context, h *shell.Host, a pathArgs) (string, error) {
				return a.on(h).Readlink(ctx, a.Path)
			}).
			With(`local current = host.fs:readlink("/srv/app/current")`),
		script.Func("disk", script.Reads,
			"Return the space on the file system of the path: bytes_free, bytes_total, inodes_free, inodes_total "+
				"(0 if there is no limit).",
			func(ctx context.Context, h *shell.Host, a pathArgs) (Space, error) { return a.on(h).Disk(ctx, a.Path) }).
			With(`if host.fs:disk("/srv/app").bytes_free < 500 * 1024 * 1024 then ` +
				`fail("less than 500 MiB are free") end`),
	}
}

// changers declares the functions that change files.
func changers() []script.Primitive {
	return []script.Primitive{
		script.Func("write", script.Changes,
			"Write a file atomically: readers see the whole old file or the whole new one. With append, add the text "+
				"by one write, so that the texts of concurrent writers do not mix. A link at the path is an error. "+
				"Return false, and write nothing, if the file has the text and the mode.",
			writeText).
			With(`host.fs:write("/srv/app/shared/settings.ini", "debug = false\n", { mode = "0640" })`).Assuming(true),
		script.Func("mkdir", script.Changes, "Create a folder. Return true if it was created, false if it existed.",
			func(ctx context.Context, h *shell.Host, a mkdirArgs) (bool, error) {
				return a.on(h).Mkdir(ctx, a.Path, MkdirOptions{Mode: a.Mode, Parents: a.Parents})
			}).
			With(`local made = host.fs:mkdir("/srv/app/releases", { mode = "0755" })`),
		script.Func("remove", script.Changes,
			"Remove a file, a link or an empty folder; with recursive, a folder and everything in it. "+
				"A link is removed, never followed. Return false if nothing was there.",
			func(ctx context.Context, h *shell.Host, a removeArgs) (bool, error) {
				return a.on(h).Remove(ctx, a.Path, a.Recursive)
			}).
			With(`host.fs:remove("/srv/app/releases/20260101-120000", { recursive = true })`),
		script.Func("chmod", script.Changes,
			"Set the mode of a file or folder. Return false if it has that mode. A link is an error.",
			func(ctx context.Context, h *shell.Host, a chmodArgs) (bool, error) {
				return a.on(h).Chmod(ctx, a.Path, a.Mode)
			}).
			With(`host.fs:chmod("/srv/app/shared", "2775")`).Assuming(true),
		script.Func("chown", script.Changes,
			"Set the owner or the group of a file or folder. Return false if they are these already. "+
				"A link is an error.", chown).
			With(`host.fs:chown("/srv/app/shared", ":" .. host:capture("id -gn"))`).Assuming(true),
		script.Func("rename", script.Changes,
			"Rename a file or folder as rename(2) does: an existing file at the new name is replaced atomically.",
			func(ctx context.Context, h *shell.Host, a renameArgs) (script.None, error) {
				return script.None{}, a.on(h).Rename(ctx, a.From, a.To)
			}).
			With(`host.fs:rename("/srv/app/settings.new", "/srv/app/settings")`),
		script.Func("symlink", script.Changes,
			"Create a link, or replace one by one rename(2), and read it back. Anything but a link at the path is "+
				"an error. Return false if the link points to the target already.",
			func(ctx context.Context, h *shell.Host, a symlinkArgs) (bool, error) {
				return a.on(h).Symlink(ctx, a.Target, a.Path, a.Replace)
			}).
			With(`host.fs:symlink("/srv/app/releases/20260101-120000", "/srv/app/current")`),
	}
}

func writeText(ctx context.Context, h *shell.Host, a writeArgs) (bool, error) {
	return a.on(h).Write(ctx, a.Path, a.Text, WriteOptions{Mode: a.Mode, Append: a.Append, Line: a.Line})
}

func chown(ctx context.Context, h *shell.Host, a chownArgs) (bool, error) {
	wanted, err := a.owner()
	if err != nil {
		return false, err
	}
	return a.on(h).Chown(ctx, a.Path, wanted)
}

func temp(dryRun bool) script.Primitive {
	return script.Func("temp", script.Reads,
		"Call fn with the path of a new folder that only the user can enter. The folder is removed afterwards with "+
			"all that is in it, also after an error or Ctrl-C. Return what fn returns. "+
			"A dry run makes no folder: fn gets a path where nothing is.",
		func(ctx context.Context, h *shell.Host, a tempArgs) (result any, err error) {
			call := func(dir string) error {
				result, err = a.Fn.Call(ctx, dir)
				return err
			}
			if dryRun {
				err = call("/tmp/" + tempName())
			} else {
				err = a.on(h).Temp(ctx, call)
			}
			return result, err
		}).
		With("host.fs:temp(function(dir)\n" +
			"  host.fs:write(dir .. \"/page.html\", \"hello\\n\")\n" +
			"  host:run({ \"gzip\", \"page.html\" }, { cwd = dir })\nend)")
}
