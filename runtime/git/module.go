package git

import (
	"context"
	"slices"

	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

type resolveArgs struct {
	Repo string `lua:"repo,arg" doc:"the repository: ssh://user@host/path, user@host:path, https://…, https://TOKEN@… or https://USER:PASSWORD@…, or a path on the host"`
	Ref  string `lua:"ref,arg" doc:"a branch, a tag, a full ref, or a commit hash"`
}

type reachArgs struct {
	Repo string `lua:"repo,arg" doc:"the repository: ssh://user@host/path, user@host:path, https://…, or a path on the host"`
}

type checkArgs struct {
	Repo string `lua:"repo,arg" doc:"the repository"`
	Ref  string `lua:"ref,arg,optional" doc:"a branch, a tag, a full ref, or a commit hash"`
}

type allowArgs struct {
	To    []string        `lua:"to,required" doc:"the git servers: user@host[:port], or repositories' URLs"`
	Proxy string          `lua:"proxy" doc:"ssh's ProxyCommand on the host for git servers"`
	Fn    script.Callback `lua:"fn,arg" doc:"the function to run"`
}

type needsArgs struct {
	Repo         string   `lua:"repo,required" doc:"the repository"`
	Revision     string   `lua:"revision,required" doc:"the commit, all hex digits of its hash"`
	Branch       string   `lua:"branch" doc:"where to find the commit if the git server sends no single commits"`
	Mirror       string   `lua:"mirror" doc:"a repository on the host to read, if it has the commit"`
	Requirements string   `lua:"requirements" doc:"the requirements file; \"\" for none"`
	Private      []string `lua:"private" doc:"git servers that may be used besides the repository's: user@host[:port]"`
}

type mirrorArgs struct {
	Repo string `lua:"repo,required" doc:"the repository"`
	Path string `lua:"path,required" doc:"the mirror's absolute path on the host"`

	Revision string `lua:"revision" doc:"a commit that is needed: if the mirror has it, nothing is fetched"`
	Branch   string `lua:"branch" doc:"with revision, the branch or tag that must contain it in the mirror (default: any)"`
}

type cloneArgs struct {
	Repo     string   `lua:"repo,required" doc:"the repository, which becomes the clone's origin"`
	Revision string   `lua:"revision,required" doc:"the commit to check out, all hex digits of its hash"`
	Into     string   `lua:"into,required" doc:"the folder to create, an absolute path on the host"`
	Mirror   string   `lua:"mirror" doc:"a mirror on the host to take the objects from, by hard links"`
	Branch   string   `lua:"branch" doc:"stored in the clone's configuration as runbook.branch"`
	Depth    int      `lua:"depth" doc:"how many commits of history to fetch, without a mirror; 0 for all"`
	OnBranch bool     `lua:"on_branch" doc:"fail unless the commit is reachable from the branch"`
	Archive  bool     `lua:"archive" doc:"the commit is one of localhost.git:archive"`
	Private  []string `lua:"private" doc:"git servers that submodules may be on, besides the repository's own and those of https: user@host[:port]"`
	LFS      string   `lua:"lfs" choices:"fetch pointers" default:"fetch" doc:"fetch files of Git LFS with the host's git-lfs, or leave pointers"`
	Reserve  []string `lua:"reserve" doc:"names that are created in the clone later, with a slash for a folder: git ignores them, and a commit that contains one is an error"`
}

type holdArgs struct {
	Repo     string `lua:"repo,required" doc:"the repository, or the absolute path of a clone on this machine"`
	Revision string `lua:"revision,required" doc:"the commit, all hex digits of its hash"`
	Branch   string `lua:"branch,required" doc:"a branch that contains the commit, which is fetched first"`
}

type archiveArgs struct {
	Path    string   `lua:"path,required" doc:"a folder, or a tar archive: plain, or compressed by gzip or bzip2"`
	Reserve []string `lua:"reserve" doc:"names that it may not have at its top"`
}

type pushArgs struct {
	From     string `lua:"from,required" doc:"a repository on this machine, as localhost.git:hold returns it"`
	Revision string `lua:"revision,required" doc:"the commit, all hex digits of its hash"`
	Path     string `lua:"path,required" doc:"the mirror's absolute path on the host"`
	Branch   string `lua:"branch" doc:"becomes a branch of the mirror that points at the commit"`
}

type verifyArgs struct {
	Repo     string `lua:"repo,required" doc:"the repository"`
	Revision string `lua:"revision,required" doc:"the commit, all hex digits of its hash"`
	Branch   string `lua:"branch" doc:"where to find the commit if the git server sends no single commits"`
	By       string `lua:"by,required" doc:"\"commit\": the commit itself must be signed; \"tag\": a tag that points at it"`
	Signers  string `lua:"signers,required" doc:"a file of allowed signers, see ssh-keygen(1)"`
}

type compareArgs struct {
	Repo         string   `lua:"repo" doc:"the repository to fetch missing commits from; without it nothing is fetched"`
	From         string   `lua:"from,required" doc:"a commit, 40 hex digits"`
	To           string   `lua:"to,required" doc:"the commit to compare it with"`
	Branch       string   `lua:"branch" doc:"where to find the commit if the git server sends no single commits"`
	Stores       []string `lua:"stores" doc:"repositories on the host that may have the commits: a mirror, a clone's .git"`
	Requirements string   `lua:"requirements" doc:"a requirements file in the repository, to return with the files that it includes"`
	Max          int      `lua:"max" default:"50" doc:"the number of commits to return of each side"`
}

type revisionArgs struct {
	Dir string `lua:"dir,arg" doc:"a clone, an absolute path on the host"`
}

// Module declares host.git.
func Module(d Deps) script.Module {
	return script.Module{
		Name: "git", On: "host",
		Doc: "The host's git. A git server's host key is always verified, " +
			"with the known_hosts files of this machine or else of the host.",
		Primitives: append(slices.Concat(d.sendPrimitives(), d.needPrimitives(), d.namePrimitives()),
			script.Func("resolve", script.Reads,
				"Return the commit hash of a branch, else a tag, else a full ref. A missing branch, a refused key, "+
					"an unknown host key and a missing repository are distinct errors.",
				func(ctx context.Context, h *shell.Host, a resolveArgs) (string, error) {
					return d.Resolve(ctx, h, a.Repo, a.Ref)
				}).
				With(`local revision = host.git:resolve("git@git.example.org:app.git", "release")`),
			script.Func("reach", script.Reads, "Check that the host can read a repository. The error says why not.",
				func(ctx context.Context, h *shell.Host, a reachArgs) (script.None, error) {
					return script.None{}, d.Reach(ctx, h, a.Repo)
				}).
				With(`host.git:reach("git@git.example.org:app.git")`),
			script.Func("mirror", script.Changes,
				"Update a bare mirror on the host. Create it if it is missing or broken, and then return true.",
				func(ctx context.Context, h *shell.Host, a mirrorArgs) (bool, error) {
					return d.Mirror(ctx, h, MirrorOptions(a))
				}).
				With(`host.git:mirror{ repo = "git@git.example.org:app.git", path = "/srv/app/repo.git" }`),
			script.Func("clone", script.Changes,
				"Create a folder with a clone that has the commit checked out. It is independent of the mirror that "+
					"it was made from. An existing folder is an error. A failed clone leaves nothing. "+
					"Submodules are cloned at their commits. No hook runs, and no filter but git-lfs.",
				func(ctx context.Context, h *shell.Host, a cloneArgs) (script.None, error) {
					return script.None{}, d.Clone(ctx, h, CloneOptions(a))
				}).
				With(`host.git:clone{ repo = "git@git.example.org:app.git", `+
					`revision = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3",`+"\n"+
					`  into = "/srv/app/releases/20260101-120000", mirror = "/srv/app/repo.git" }`),
			script.Func("verify", script.Reads,
				"Fail unless a commit, or a tag that points at it, has an ssh signature by one of the allowed "+
					"signers. Return its description. "+
					"The host, usually localhost, fetches the commit and removes it again.",
				func(ctx context.Context, h *shell.Host, a verifyArgs) (string, error) {
					return d.Verify(ctx, h, VerifyOptions{Repo: a.Repo, Revision: a.Revision, Branch: a.Branch,
						By: a.By, Signers: a.Signers})
				}).
				With(`localhost.git:verify{ repo = "git@git.example.org:app.git", `+
					`revision = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3",`+"\n"+
					`  by = "commit", signers = "recipes/allowed_signers" }`),
			d.comparePrimitive(),
			script.Func("revision", script.Reads, "Return the hash of the commit that is checked out in a clone.",
				func(ctx context.Context, h *shell.Host, a revisionArgs) (string, error) {
					return d.Revision(ctx, h, a.Dir)
				}).
				With(`local revision = host.git:revision("/srv/app/current")`),
		),
	}
}

// namePrimitives declares the functions that only parse an address.
func (d Deps) namePrimitives() []script.Primitive {
	return []script.Primitive{
		script.Func("check", script.Pure,
			"Fail if the address of a repository, or the name of a branch, is invalid. Nothing is contacted.",
			func(ctx context.Context, h *shell.Host, a checkArgs) (script.None, error) {
				_, err := d.repo(ctx, h, a.Repo)
				if err == nil && a.Ref != "" && !isFullRevision(a.Ref) {
					err = CheckRef(a.Ref)
				}
				return script.None{}, err
			}).
			With(`hosts[1].git:check("git@git.example.org:app.git", "release")`),
		script.Func("strip", script.Pure,
			"Return a repository's URL without the user and the password of https, to store it in a file. "+
				"The other functions take a URL with them: git gets them through a credential helper, "+
				"and they appear neither on a command line nor in a file on the host.",
			func(ctx context.Context, h *shell.Host, a reachArgs) (string, error) {
				r, err := d.repo(ctx, h, a.Repo)
				return r.URL, err
			}).
			With(`local url = hosts[1].git:strip("https://TOKEN@git.example.org/app.git")`),
		script.Func("transport", script.Pure,
			"Return how a host reaches a repository: \"ssh\", \"https\", \"login\" (https with a login in the URL) "+
				"or \"file\". Git's url.*.insteadOf and the aliases in ssh_config on this machine count.",
			func(ctx context.Context, _ *shell.Host, a reachArgs) (string, error) {
				r, err := d.repoFor(ctx, false, a.Repo)
				if r.credential != nil {
					return "login", err
				}
				return string(r.Transport), err
			}).
			With(`local transport = localhost.git:transport("git@git.example.org:app.git")`),
	}
}

func (d Deps) comparePrimitive() script.Primitive {
	return script.Func("compare", script.Reads,
		"Return what lies between two commits: relation (ahead, behind, diverged, unrelated, same, or unknown where "+
			"history is missing), the numbers ahead and behind, the commits added and removed, each with revision, "+
			"date, author and subject, the files that differ, each with status and path, "+
			"and the texts of the requirements, each with path, old and new.",
		func(ctx context.Context, h *shell.Host, a compareArgs) (Comparison, error) {
			return d.Compare(ctx, h, CompareOptions(a))
		}).
		With(`local between = host.git:compare{ from = served, to = sha, stores = { "/srv/app/repo.git" } }`)
}

// sendPrimitives declares the functions that send commits from this machine.
func (d Deps) sendPrimitives() []script.Primitive {
	return []script.Primitive{
		script.Func("hold", script.Reads,
			"Return the folder of a repository on this machine that has a commit with its whole history: "+
				"the repository of the current folder, if it has the commit, or one in the cache folder, "+
				"~/.cache/runbook/git, which then fetches it. Only for localhost.",
			func(ctx context.Context, h *shell.Host, a holdArgs) (string, error) {
				return d.Hold(ctx, h, HoldOptions(a))
			}).
			With(`local from = localhost.git:hold{ repo = "git@git.example.org:app.git", branch = "release",` + "\n" +
				`  revision = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3" }`),
		script.Func("archive", script.Reads,
			"Store a folder or a tar archive of this machine as a commit without history, in a repository in the "+
				"cache folder. The same files always make the same commit. "+
				"Names and links that lead out of it are errors. Only for localhost.",
			func(ctx context.Context, h *shell.Host, a archiveArgs) (Archived, error) {
				return d.Archive(ctx, h, ArchiveOptions(a))
			}).
			With(`local stored = localhost.git:archive{ path = "dist" }`),
		script.Func("push", script.Changes,
			"Send a mirror on the host the objects that it lacks of a commit and its history, "+
				"from a repository on this machine. The host needs no git server. "+
				"Create the mirror if it is missing or broken, and then return true.",
			func(ctx context.Context, h *shell.Host, a pushArgs) (bool, error) {
				return d.Push(ctx, h, PushOptions(a))
			}).
			With("local from = localhost.git:hold{ repo = options.repo, branch = \"release\", revision = sha }\n" +
				`host.git:push{ from = from, revision = sha, path = "/srv/app/repo.git" }`),
	}
}

// needPrimitives declares the functions that find and fetch what a commit needs from elsewhere.
func (d Deps) needPrimitives() []script.Primitive {
	return []script.Primitive{
		script.Func("needs", script.Reads,
			"Return what a commit needs besides its own objects: repositories that its requirements install by ssh, "+
				"repositories of submodules, and files whose content is in Git LFS. "+
				"It is read from a mirror that has the commit, or else fetched and removed again.",
			func(ctx context.Context, h *shell.Host, a needsArgs) (Needs, error) {
				return d.Needs(ctx, h, NeedsOptions(a))
			}).
			With(`local needs = localhost.git:needs{ repo = "git@git.example.org:app.git", branch = "release",` + "\n" +
				`  revision = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3", requirements = "requirements.txt" }`),
		script.Func("allow", script.Reads,
			"Run fn while programs on the host that start git, such as pip, can log in to the git servers by ssh: "+
				"their host keys are verified, and no ssh_config of the host counts. "+
				"The key comes from an agent around it. Return what fn returns.",
			func(ctx context.Context, h *shell.Host, a allowArgs) (any, error) {
				var result any
				err := d.Allow(ctx, h, AllowOptions{To: a.To, Proxy: a.Proxy}, func(ctx context.Context) (err error) {
					result, err = a.Fn.Call(ctx)
					return err
				})
				return result, err
			}).
			With(`host.git:allow({ to = { "git@git.example.org" } }, function()` + "\n" +
				`  host:run({ "venv/bin/pip", "install", "lib @ git+ssh://git@git.example.org/team/lib.git" })` + "\n" +
				`end)`),
	}
}
