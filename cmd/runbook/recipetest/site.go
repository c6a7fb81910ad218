package recipetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// count is a number of hosts, or their names.
type count struct{ names []string }

// LuaType names both forms.
func (*count) LuaType() string { return "integer|string[]" }

// most limits the hosts of a test, because each is a server in this process.
const most = 50

var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// UnmarshalLua takes a number or a list of names.
func (c *count) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case float64:
		n := int(v)
		if float64(n) != v || n < 1 || n > most {
			return fmt.Errorf("want a number from 1 to %d, got %v", most, v)
		}
		for i := range n {
			c.names = append(c.names, "web"+strconv.Itoa(i+1))
		}
		return nil
	case script.Table:
		if err := script.Decode(v, &c.names); err != nil {
			return err
		}
		for _, name := range c.names {
			if !hostName.MatchString(name) {
				return fmt.Errorf("%q is not a valid host name; use letters, digits, dots, - and _", name)
			}
		}
		if len(c.names) == 0 || len(c.names) > most {
			return fmt.Errorf("want 1 to %d names, got %d", most, len(c.names))
		}
		return nil
	}
	return errors.New(`want a number of hosts, or their names, such as { "web1", "db1" }`)
}

type hostsArgs struct {
	Hosts count `lua:"hosts,arg" doc:"the number of hosts, named web1, web2 …; or their names"`
}

func (w *world) hostsPrimitive() script.Primitive {
	return script.Func("hosts", script.Reads,
		"Start throwaway hosts, SSH servers inside this process, and return them. Each has a home folder, an "+
			"application folder (host.vars.root) "+
			"and a free port (host.vars.port). Recipes that the test runs use them; the global hosts contains them. "+
			"Commands run on this machine as the current user.", w.startHosts).
		With("local web1, web2 = unpack(lab.hosts(2))")
}

func (w *world) startHosts(ctx context.Context, _ script.None, a hostsArgs) ([]*shell.Host, error) {
	if w.hosts {
		return nil, errors.New("the test has hosts already; name all of them in one call")
	}
	l, err := w.startLab()
	if err != nil {
		return nil, err
	}
	w.hosts = true
	for _, name := range a.Hosts.names {
		if _, err := l.Host(name); err != nil {
			return nil, err
		}
	}
	targets, err := inventory.Load(ctx, w.opts.Stream, w.inventory(), "")
	if err != nil {
		return nil, err
	}
	return w.lua.Connect(ctx, targets)
}

// repo is the git repository of a test's application.
type repo struct {
	of       *lab.Repo
	server   *lab.GitServer
	key      string
	revision string
	commits  int
}

// String returns the address.
func (r *repo) String() string { return r.server.URL() }

// tree holds the files of one or several commits: contents by path.
type tree struct{ commits []map[string]string }

// LuaType names both forms.
func (*tree) LuaType() string { return "table<string, string>|table<string, string>[]" }

// UnmarshalLua takes the files of a commit, or a list of such.
func (t *tree) UnmarshalLua(value any) error {
	v, ok := value.(script.Table)
	if !ok {
		return errors.New(`want files by path, such as { ["wsgi.py"] = "…" }, or a list of such tables`)
	}
	if len(v.List) > 0 {
		return script.Decode(v, &t.commits)
	}
	files := map[string]string{}
	if err := script.Decode(v, &files); err != nil {
		return err
	}
	if len(files) > 0 {
		t.commits = []map[string]string{files}
	}
	return nil
}

type repoArgs struct {
	Files tree `lua:"files,arg,optional" doc:"contents by path, as one commit; or a list of such tables, one per commit. Default: a small application with wsgi.py and requirements.txt"`
}

func (w *world) repoPrimitive() script.Primitive {
	return script.Func("repo", script.Reads,
		"Create a git repository with commits on the branch release, and serve it over SSH to a deploy key. Recipes "+
			"that the test runs get it as their "+
			"options repo, branch and key, unless the test sets others.", w.makeRepo).
		With("local repo = lab.repo({ [\"wsgi.py\"] = \"application = None\\n\", [\"requirements.txt\"] = \"\" })\n" +
			"local second = repo:commit({ [\"requirements.txt\"] = \"greeting==2.0\\n\" })")
}

func (w *world) makeRepo(_ context.Context, _ script.None, a repoArgs) (*repo, error) {
	if w.repo != nil {
		return nil, errors.New("the test has a repository already; repo:commit adds to it")
	}
	l, err := w.startLab()
	if err != nil {
		return nil, err
	}
	r := &repo{key: l.DeployKey()}
	if len(a.Files.commits) == 0 {
		r.of, err = l.Repo()
	} else {
		r.of, err = l.EmptyRepo()
	}
	if err != nil {
		return nil, err
	}
	for _, files := range a.Files.commits {
		if _, err := r.commit("", files); err != nil {
			return nil, err
		}
	}
	if r.revision == "" {
		if r.revision, err = r.of.Head(); err != nil {
			return nil, err
		}
	}
	if r.server, err = l.GitServer(); err != nil {
		return nil, err
	}
	w.repo = r
	return r, nil
}

func (r *repo) commit(message string, files map[string]string) (string, error) {
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if !fs.ValidPath(path) || path == "." || strings.HasPrefix(path, ".git/") {
			return "", fmt.Errorf("%q is not a valid path of a file in the repository", path)
		}
	}
	r.commits++
	if message == "" {
		message = "commit " + strconv.Itoa(r.commits)
	}
	revision, err := r.of.CommitFiles(message, files)
	if err == nil {
		r.revision = revision
	}
	return revision, err
}

type commitArgs struct {
	Files   map[string]string `lua:"files,arg" doc:"contents by path; other files stay as they are"`
	Message string            `lua:"message,arg,optional" doc:"the commit's message"`
}

// repoModule declares the fields and methods of a repository.
func repoModule() script.Module {
	get := func(name, doc string, value func(*repo) any) script.Field {
		return script.Field{Name: name, Type: "string", Doc: doc, Get: func(v any) any { return value(v.(*repo)) }}
	}
	return script.Module{
		On: "repo", Doc: "In *_test.lua only: a test's git repository.",
		Fields: []script.Field{
			get("url", "the address, for a recipe's option repo", func(r *repo) any { return r.server.URL() }),
			get("key", "the file of the deploy key that may read it", func(r *repo) any { return r.key }),
			get("branch", "the branch that has the commits: release", func(*repo) any { return lab.Branch }),
			get("revision", "the last commit, 40 hex digits", func(r *repo) any { return r.revision }),
		},
		Primitives: []script.Primitive{
			script.Func("commit", script.Reads, "Add a commit to the branch and return it, 40 hex digits.",
				func(_ context.Context, r *repo, a commitArgs) (string, error) { return r.commit(a.Message, a.Files) }).
				With(`repo:commit({ ["requirements.txt"] = "greeting==2.0\n" })`),
		},
	}
}
