package git

import (
	"context"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

type resolveArgs struct {
	Repo string `lua:"repo,arg" doc:"the repository: ssh://user@host/path, user@host:path, https://…, https://TOKEN@… or https://USER:PASSWORD@…, or a path on the host"`
	Ref  string `lua:"ref,arg" doc:"a branch, a tag, a full ref, or a commit's name"`
}

type reachArgs struct {
	Repo string `lua:"repo,arg" doc:"the repository: ssh://user@host/path, user@host:path, https://…, or a path on the host"`
}

type checkArgs struct {
	Repo string `lua:"repo,arg" doc:"the repository"`
	Ref  string `lua:"ref,arg,optional" doc:"a branch, a tag, a full ref, or a commit's name"`
}

type mirrorArgs struct {
	Repo string `lua:"repo,required" doc:"the repository"`
	Path string `lua:"path,required" doc:"where the mirror is, an absolute path on the host"`
}

type cloneArgs struct {
	Repo     string   `lua:"repo,required" doc:"the repository, which becomes the clone's origin"`
	Revision string   `lua:"revision,required" doc:"the commit to check out, 40 hex digits"`
	Into     string   `lua:"into,required" doc:"the folder to make, an absolute path on the host"`
	Mirror   string   `lua:"mirror" doc:"a mirror on the host to take the objects from, by hard links"`
	Branch   string   `lua:"branch" doc:"noted in the clone's configuration as runbook.branch"`
	Depth    int      `lua:"depth" doc:"how many commits of history to fetch, without a mirror; 0 for all"`
	OnBranch bool     `lua:"on_branch" doc:"fail unless the commit is reachable from the branch"`
	Reserve  []string `lua:"reserve" doc:"what is put at the clone's top later, with a slash for a folder: git ignores it there, and a commit that has it is an error"`
}

type verifyArgs struct {
	Repo     string `lua:"repo,required" doc:"the repository"`
	Revision string `lua:"revision,required" doc:"the commit, 40 hex digits"`
	Branch   string `lua:"branch" doc:"where to look for it, if the git server gives no single commits"`
	By       string `lua:"by,required" doc:"\"commit\": the commit itself is signed; \"tag\": a tag that points at it is"`
	Signers  string `lua:"signers,required" doc:"a file of allowed signers, see ssh-keygen(1)"`
}

type revisionArgs struct {
	Dir string `lua:"dir,arg" doc:"a clone, an absolute path on the host"`
}

// Module declares host.git.
func Module(d Deps) script.Module {
	return script.Module{
		Name: "git", On: "host", Doc: "The host's git. A git server's host key is always verified, by what this machine knows of it.",
		Primitives: []script.Primitive{
			script.Func("resolve", script.Reads, "Returns the 40 hex digits of the commit that a branch, else a tag, else a full ref stands for. An unknown name, "+
				"a refused key, an unknown host key and a missing repository are errors of their own.",
				func(ctx context.Context, h *ssh.Host, a resolveArgs) (string, error) {
					return d.Resolve(ctx, h, a.Repo, a.Ref)
				}).
				With(`local revision = host.git:resolve("git@git.example.org:app.git", "release")`),
			script.Func("check", script.Pure, "Fails when a repository's address, or the name of a branch, can't be right. Nothing is contacted.",
				func(_ context.Context, _ *ssh.Host, a checkArgs) (script.None, error) {
					_, err := ParseRepo(a.Repo)
					if err == nil && a.Ref != "" && !fullRevision.MatchString(a.Ref) {
						err = CheckRef(a.Ref)
					}
					return script.None{}, err
				}).
				With(`hosts[1].git:check("git@git.example.org:app.git", "release")`),
			script.Func("strip", script.Pure, "Returns a repository's URL without the user and the password of https, as files may keep it. The others of these functions "+
				"take it with them: git gets them through a credential helper, and neither its command line nor a file on the host has them.",
				func(_ context.Context, _ *ssh.Host, a reachArgs) (string, error) {
					r, err := ParseRepo(a.Repo)
					return r.URL, err
				}).
				With(`local url = hosts[1].git:strip("https://TOKEN@git.example.org/app.git")`),
			script.Func("reach", script.Reads, "Asks the repository what it has, and nothing more: an error says why the host may not, or can't, read it.",
				func(ctx context.Context, h *ssh.Host, a reachArgs) (script.None, error) {
					return script.None{}, d.Reach(ctx, h, a.Repo)
				}).
				With(`host.git:reach("git@git.example.org:app.git")`),
			script.Func("mirror", script.Changes, "Brings a bare mirror on the host up to date, and makes it where there is none or a broken one. Returns true when it was made.",
				func(ctx context.Context, h *ssh.Host, a mirrorArgs) (bool, error) {
					return d.Mirror(ctx, h, MirrorOptions(a))
				}).
				With(`host.git:mirror{ repo = "git@git.example.org:app.git", path = "/srv/app/repo.git" }`),
			script.Func("clone", script.Changes, "Makes a folder that holds a clone with the commit checked out. It stands by itself, also when it was made from a mirror. "+
				"A folder that exists is an error; a clone that fails leaves nothing. No hook and no filter is run.",
				func(ctx context.Context, h *ssh.Host, a cloneArgs) (script.None, error) {
					return script.None{}, d.Clone(ctx, h, CloneOptions(a))
				}).
				With(`host.git:clone{ repo = "git@git.example.org:app.git", revision = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3",` + "\n" +
					`  into = "/srv/app/releases/20260101-120000", mirror = "/srv/app/repo.git" }`),
			script.Func("verify", script.Reads, "Fails unless a commit, or a tag that points at it, has an ssh signature of one of the allowed signers. Returns what is known of it. "+
				"The host, which is best localhost, fetches the commit for that and removes it again.",
				func(ctx context.Context, h *ssh.Host, a verifyArgs) (string, error) {
					return d.Verify(ctx, h, VerifyOptions{Repo: a.Repo, Revision: a.Revision, Branch: a.Branch, By: a.By, Signers: a.Signers})
				}).
				With(`localhost.git:verify{ repo = "git@git.example.org:app.git", revision = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3",` + "\n" +
					`  by = "commit", signers = "recipes/allowed_signers" }`),
			script.Func("revision", script.Reads, "Returns the commit that is checked out in a clone, 40 hex digits.",
				func(ctx context.Context, h *ssh.Host, a revisionArgs) (string, error) {
					return d.Revision(ctx, h, a.Dir)
				}).
				With(`local revision = host.git:revision("/srv/app/current")`),
		},
	}
}
