---@meta
-- Written by `runbook init` from the declarations that the code runs on.

---one server of the run, or this machine (localhost)
---@class host
---@field name string its name in the hosts file
---@field address string the host name or IP address that is connected to
---@field port integer the port of its SSH server
---@field user string who logs in there
---@field vars table<string, any> its own values from the hosts file
---@field tags string[] its tags from the hosts file
---@field fs host.fs Files on a host, through SFTP. Paths are absolute.
---@field git host.git The host's git. A git server's host key is always verified, by what this machine knows of it.
local host = {}

---Files on a host, through SFTP. Paths are absolute.
---@class host.fs
local host_fs = {}

---The host's git. A git server's host key is always verified, by what this machine knows of it.
---@class host.git
local host_git = {}

---Runs a command. A status other than 0 is an error, unless check is false.
---Changes something; a dry run leaves it out.
---@param cmd string|(string|number)[] a string for /bin/sh, or a list of words, which is quoted
---@param options? { cwd?: string, env?: table<string, string>, stdin?: string, sudo?: boolean|string, timeout?: string, idle_timeout?: string, max?: integer, check?: boolean, secret?: string[] }
---@return { code: integer, ok: boolean, stdout: string, stderr: string, seconds: number }
function host:run(cmd, options) end

---Runs a command that changes nothing and returns what it printed, without the white space around it.
---Changes nothing; runs in a dry run too.
---@param cmd string|(string|number)[] a string for /bin/sh, or a list of words, which is quoted
---@param options? { cwd?: string, env?: table<string, string>, stdin?: string, sudo?: boolean|string, timeout?: string, idle_timeout?: string, max?: integer, check?: boolean, secret?: string[] }
---@return string
function host:capture(cmd, options) end

---Runs a command that changes nothing and returns whether its status was 0.
---Changes nothing; runs in a dry run too.
---@param cmd string|(string|number)[] a string for /bin/sh, or a list of words, which is quoted
---@param options? { cwd?: string, env?: table<string, string>, stdin?: string, sudo?: boolean|string, timeout?: string, idle_timeout?: string, max?: integer, check?: boolean, secret?: string[] }
---@return boolean
function host:test(cmd, options) end

---Copies a file or a folder to the host: all of it or nothing, modes kept. A file replaces a file; a folder must be new. Returns false when changed was given and all was there already, else true.
---Changes something; a dry run leaves it out.
---@param here string the file or folder on this machine
---@param remote string the path on the host
---@param options? { mode?: string, changed?: boolean }
---@return boolean
function host:upload(here, remote, options) end

---Copies a file or a folder from the host to this machine, by the rules of upload. One larger than max is an error.
---Changes something; a dry run leaves it out.
---@param remote string the file or folder on the host
---@param here string the path on this machine
---@param options? { max?: integer }
function host:download(remote, here, options) end

---Sends a GET request through the connection, as seen from the host. Any status is an answer; none at all is an error.
---Changes nothing; runs in a dry run too.
---@param url string the address, as seen from the host
---@param options? { timeout?: string, headers?: table<string, string> }
---@return { status: integer, body: string, headers: table<string, string> }
function host:http(url, options) end

---Sends a POST request through the connection, as seen from the host. Any status is an answer; none at all is an error.
---Changes something; a dry run leaves it out.
---@param url string the address, as seen from the host
---@param body string what to send, such as json.encode({ text = "released" })
---@param options? { timeout?: string, headers?: table<string, string> }
---@return { status: integer, body: string, headers: table<string, string> }
function host:post(url, body, options) end

---Takes a lock that is held until the run ends on the host, and that dies with it. Held by another run, it is an error that says by whom.
---Held until the run ends; a dry run leaves it out.
---@param path string the lock file on the host; its folder must exist
---@param options? { wait?: string }
function host:lock(path, options) end

---Runs fn when this host's function ends, however it ends; last in, first out. Outside of each: when the run ends. An interrupt does not stop it; a second one leaves it out.
---Computes here; contacts nothing.
---@param options? { timeout?: string }
---@param fn fun(host: host): any what to do; it gets the host
function host:defer(options, fn) end

---Runs fn when this host's function ends in an error or an interrupt, before what host:defer left.
---Computes here; contacts nothing.
---@param options? { timeout?: string }
---@param fn fun(host: host): any what to do; it gets the host
function host:on_failure(options, fn) end

---Sets columns of the last table for this host: release, revision and previous come first, then others. Without a state of its own a host is done, failed, refused, interrupted or not touched.
---Computes here; contacts nothing.
---@param columns table<string, any> what the last table says of this host by column, such as release; the column state is its state
function host:result(columns) end

---Runs a function while an ssh-agent on the host holds the host's own keys. The agent is stopped afterwards, however the function ends. Returns what the function returns.
---Changes nothing; runs in a dry run too.
---@param options { keys: string[], to?: string[] }
---@param fn fun(): any what to do meanwhile
---@return any
function host:agent(options, fn) end

---Says whether something stands at the path, be it a link that leads nowhere.
---Changes nothing; runs in a dry run too.
---@param path string an absolute path on the host
---@return boolean
function host_fs:exists(path) end

---Returns those of the paths at which nothing stands. All are asked for together, in the time of one.
---Changes nothing; runs in a dry run too.
---@param paths string[] absolute paths on the host
---@return string[]
function host_fs:missing(paths) end

---Describes what stands at the path: kind (file, folder, link or other), size in bytes, mode (octal), modified (seconds since 1970), uid, gid. A link is described itself. Nothing there is an error.
---Changes nothing; runs in a dry run too.
---@param path string an absolute path on the host
---@return { kind: string, size: integer, mode: string, modified: integer, uid: integer, gid: integer }
function host_fs:stat(path) end

---Lists the names in a folder, sorted. More than 1,000,000 are an error.
---Changes nothing; runs in a dry run too.
---@param path string an absolute path on the host
---@return string[]
function host_fs:list(path) end

---Reads a file. One larger than max is an error.
---Changes nothing; runs in a dry run too.
---@param path string an absolute path on the host
---@param options? { max?: integer }
---@return string
function host_fs:read(path, options) end

---Makes a file hold the text: readers see the old file or the new one, whole. With append the text is added by one write, so that several writers don't mix. A link at the path is an error.
---Changes something; a dry run leaves it out.
---@param path string an absolute path on the host
---@param text string what the file is to hold
---@param options? { mode?: string, append?: boolean }
function host_fs:write(path, text, options) end

---Makes a folder. Returns true when it was made, false when it was there.
---Changes something; a dry run leaves it out.
---@param path string an absolute path on the host
---@param options? { mode?: string, parents?: boolean }
---@return boolean
function host_fs:mkdir(path, options) end

---Removes a file, a link or an empty folder; with recursive a folder and all in it. A link is removed, never followed. Returns false when nothing was there.
---Changes something; a dry run leaves it out.
---@param path string an absolute path on the host
---@param options? { recursive?: boolean }
---@return boolean
function host_fs:remove(path, options) end

---Renames a file or folder as rename(2) does: what stands at the new name is replaced in one instant.
---Changes something; a dry run leaves it out.
---@param from string an absolute path on the host
---@param to string an absolute path on the same file system
function host_fs:rename(from, to) end

---Makes a link, or replaces one by one rename(2), and reads it back. Anything but a link at the path is an error. Returns false when it led there already.
---Changes something; a dry run leaves it out.
---@param target string the absolute path that the link leads to
---@param path string the absolute path of the link
---@param options? { replace?: boolean }
---@return boolean
function host_fs:symlink(target, path, options) end

---Returns where a link leads, as it is written in it.
---Changes nothing; runs in a dry run too.
---@param path string an absolute path on the host
---@return string
function host_fs:readlink(path) end

---Tells the space on the file system that the path is on: bytes_free, bytes_total, inodes_free, inodes_total (0 where there is no limit).
---Changes nothing; runs in a dry run too.
---@param path string an absolute path on the host
---@return { bytes_free: integer, bytes_total: integer, inodes_free: integer, inodes_total: integer }
function host_fs:disk(path) end

---Returns the 40 hex digits of the commit that a branch, else a tag, else a full ref stands for. An unknown name, a refused key, an unknown host key and a missing repository are errors of their own.
---Changes nothing; runs in a dry run too.
---@param repo string the repository: ssh://user@host/path, user@host:path, https://…, https://TOKEN@… or https://USER:PASSWORD@…, or a path on the host
---@param ref string a branch, a tag, a full ref, or a commit's name
---@return string
function host_git:resolve(repo, ref) end

---Fails when a repository's address, or the name of a branch, can't be right. Nothing is contacted.
---Computes here; contacts nothing.
---@param repo string the repository
---@param ref? string a branch, a tag, a full ref, or a commit's name
function host_git:check(repo, ref) end

---Returns a repository's URL without the user and the password of https, as files may keep it. The others of these functions take it with them: git gets them through a credential helper, and neither its command line nor a file on the host has them.
---Computes here; contacts nothing.
---@param repo string the repository: ssh://user@host/path, user@host:path, https://…, or a path on the host
---@return string
function host_git:strip(repo) end

---Asks the repository what it has, and nothing more: an error says why the host may not, or can't, read it.
---Changes nothing; runs in a dry run too.
---@param repo string the repository: ssh://user@host/path, user@host:path, https://…, or a path on the host
function host_git:reach(repo) end

---Brings a bare mirror on the host up to date, and makes it where there is none or a broken one. Returns true when it was made.
---Changes something; a dry run leaves it out.
---@param options { repo: string, path: string }
---@return boolean
function host_git:mirror(options) end

---Makes a folder that holds a clone with the commit checked out. It stands by itself, also when it was made from a mirror. A folder that exists is an error; a clone that fails leaves nothing. No hook and no filter is run.
---Changes something; a dry run leaves it out.
---@param options { repo: string, revision: string, into: string, mirror?: string, branch?: string, depth?: integer, on_branch?: boolean, reserve?: string[] }
function host_git:clone(options) end

---Fails unless a commit, or a tag that points at it, has an ssh signature of one of the allowed signers. Returns what is known of it. The host, which is best localhost, fetches the commit for that and removes it again.
---Changes nothing; runs in a dry run too.
---@param options { repo: string, revision: string, branch?: string, by: string, signers: string }
---@return string
function host_git:verify(options) end

---Returns the commit that is checked out in a clone, 40 hex digits.
---Changes nothing; runs in a dry run too.
---@param dir string a clone, an absolute path on the host
---@return string
function host_git:revision(dir) end

---in *_test.lua only: a throwaway git repository, served over SSH to a deploy key
---@class repo
---@field url string its address, for a recipe's option repo
---@field key string the file of the deploy key that may read it
---@field branch string the branch that has the commits: release
---@field revision string the last commit, 40 hex digits
local repo = {}

---Adds a commit to the branch and returns its name, 40 hex digits.
---Changes nothing; runs in a dry run too.
---@param files table<string, string> contents by path; what isn't named stays as it is
---@param message? string the commit's message
---@return string
function repo:commit(files, message) end

---the hosts of this run
---@type host[]
hosts = nil

---this machine, with the methods of a host
---@type host
localhost = nil

---Says what the recipe is, and which options it takes; comes first. Connects to all hosts, and returns the options. Within each, an option has the value of that host.
---Changes nothing; runs in a dry run too.
---@param options? { summary?: string, hosts?: string, options?: table<string, table> }
---@return table<string, any>
function recipe(options) end

---Validates a table of settings and returns it with the defaults filled in. A name that is not declared, a value of another type, out of range or none of the choices are errors at the line that set them; all of them together. Afterwards reading or setting a name that is not declared is an error, too.
---Computes here; contacts nothing.
---@param values table what was set, such as what app.lua returns
---@param declared table<string, table> the settings, in the form of a recipe's options; type is string, integer, number, boolean, string[], duration (90s), percent (25%), function, table<string, string>, table<string, function>, or several: integer|percent; check = function(value, all) returns what is wrong, or nil
---@return table
function validate(values, declared) end

---Connects to all hosts, and returns those that can't be reached, each with host, message and hint; when none can it is an error. The others can then be looked at, but nothing can be changed anywhere. Without it the first thing that is done connects, and one host that can't be reached is an error.
---Changes nothing; runs in a dry run too.
---@return table[]
function connect() end

---Does fn for every host, one after the other unless at_once says more. After a failure no further host is begun; those that are running finish, and all failures are raised together.
---Changes nothing; runs in a dry run too.
---@param hosts host[] the hosts, such as the global hosts
---@param options? { at_once?: integer }
---@param fn fun(host: host): any what to do on each; it gets the host
function each(hosts, options, fn) end

---Does fn under a title, which the output shows with how long it took. Steps nest. Returns what fn returns.
---Changes nothing; runs in a dry run too.
---@param title string what the output shows
---@param fn fun(): any what to do
---@return any
function step(title, fn) end

---Asks the admin, and goes on only after a yes: anything else is an error. --yes answers; with no terminal and no --yes it refuses. A dry run doesn't ask.
---Changes nothing; runs in a dry run too.
---@param text string the question
---@return boolean
function confirm(text) end

---Ends what is under way with the recipe's own words. Before any change the run counts as refused.
---Computes here; contacts nothing.
---@param message string what is wrong
---@param hint? string what to do next
function fail(message, hint) end

---Records the options that finish this run, and the recipe that undoes it. When the run fails or is interrupted after it changed something, its last words are both commands, with the options that were given and these. After a run for some hosts only, they are the command for all. runbook log tells the command of a run that was killed.
---Computes here; contacts nothing.
---@param options table<string, any> options of the recipe, by name, with the values of this run
---@param options? { undo?: string, with?: table<string, any> }
function resume(options, options) end

---Shows a table on standard output, aligned.
---Computes here; contacts nothing.
---@param options { header?: string[], rows: any[][] }
function show(options) end

---Returns text with every {{name}} replaced by its value. A name that is not in values is an error.
---Computes here; contacts nothing.
---@param text string text with {{name}} in it
---@param values table<string, any> what to put for each name: a string, a number, true or false
---@return string
function template(text, values) end

---Returns an environment variable of runbook's own, or the default when it is not set. For check, --help and completion none is read, as if it were not set.
---Computes here; contacts nothing.
---@param name string the environment variable
---@param default? string what to return when it is not set; nil without
---@return string
function env(name, default) end

---Returns a value as one word for /bin/sh. A command that is a list needs no quoting.
---Computes here; contacts nothing.
---@param value string any text without a NUL byte
---@return string
function quote(value) end

---lines for the admin, on standard error and in the journal
log = {}

---Says what is going on.
---Computes here; contacts nothing.
---@param text string a line
function log.info(text) end

---Says what the admin should look at.
---Computes here; contacts nothing.
---@param text string a line
function log.warn(text) end

---values that no output, journal or report shows; for check, --help and completion nothing is read
secret = {}

---Reads a secret from the environment of runbook. Unset or empty is an error.
---Computes here; contacts nothing.
---@param name string the environment variable
---@return string
function secret.env(name) end

---Reads a secret from a file on this machine, without the line break at its end. A missing or empty file is an error, and so is one that is not a regular file or larger than 1 MiB.
---Computes here; contacts nothing.
---@param path string a file on this machine; ~/ is the home folder
---@return string
function secret.file(path) end

---Asks the admin for a secret, without echo. With no terminal it is an error.
---Changes nothing; runs in a dry run too.
---@param name string what to ask for
---@return string
function secret.prompt(name) end

---JSON text
json = {}

---Returns a value as JSON on one line, names sorted. An empty table is {}.
---Computes here; contacts nothing.
---@param value any a string, a number, true or false, a list, or a table of names
---@return string
function json.encode(value) end

---Returns the value of JSON text. null is nil. Text that is no JSON is an error.
---Computes here; contacts nothing.
---@param text string JSON
---@return any
function json.decode(text) end

---the time on this machine
clock = {}

---Returns the time in UTC, by a format such as strftime's. An unknown letter is an error.
---Computes here; contacts nothing.
---@param format? string %Y %m %d %H %M %S %j %y %b %a %% and any other text
---@return string
function clock.utc(format) end

---Returns the seconds since 1970, as a number with a fraction.
---Computes here; contacts nothing.
---@return number
function clock.now() end

---Keys on this machine, for programs on the hosts.
agent = {}

---Runs a function while programs on the hosts can log in with the keys to the named servers, and nowhere else. The keys stay on this machine. Returns what the function returns. A server whose host key this machine doesn't know is an error.
---Changes nothing; runs in a dry run too.
---@param options { keys: string[], to: string[], unbound?: boolean, signatures?: integer }
---@param fn fun(): any what to do meanwhile
---@return any
function agent.forward(options, fn) end

---Declares a test. Tests run side by side, each in a Lua world of its own: the file is read anew for each, so what stands outside of test() is done before every one. A file without any is one test.
---Computes here; contacts nothing.
---@param title string what is tried, in a line
---@param fn fun(): any the test
function test(title, fn) end

---Runs a recipe for real against the lab's hosts and returns what became of it; a failure of the run is none of the test. Options that the recipe has and the test doesn't give are the lab's, where it has any: repo, branch, key, agent and pip_arg fit lab.repo; wsgi and requirements its application; python and mod_wsgi_express are quick stand-ins, whose pip knows the lab's wheels and whose server is Python's wsgiref. Functions of the project's settings, such as app.lua's hooks, are recorded instead of called, and return true.
---Changes nothing; runs in a dry run too.
---@param recipe string the recipe's path, from the test's folder, the one above it, or the current one
---@param values? table<string, any> the recipe's options by name
---@param options? { only?: string[], dry_run?: boolean, yes?: boolean, hooks?: boolean }
---@return { recipe: string, status: integer, error: string, hint: string, stdout: string, stderr: string, hosts: table<string, table<string, string>>, calls: table[], events: table[] }
function run(recipe, values, options) end

---in *_test.lua only: what a test is run against
lab = {}

---Starts throwaway hosts: SSH servers inside this process, each with a home folder and an application folder of its own, host.vars.root, and a free port for its application, host.vars.port. A recipe that the test runs uses them. They run commands of this machine, as whoever runs the test. They are the global hosts, too.
---Changes nothing; runs in a dry run too.
---@param hosts integer|string[] how many, which are called web1, web2 …; or their names
---@return host[]
function lab.hosts(hosts) end

---Makes a git repository with commits on the branch release, and serves it over SSH to a deploy key. A recipe that the test runs takes it for its options repo, branch and key, where the test gives no other.
---Changes nothing; runs in a dry run too.
---@param files? table<string, string>|table<string, string>[] contents by path: one commit; a list of such tables: a commit each. Default: a small application of wsgi.py and requirements.txt
---@return repo
function lab.repo(files) end

---Makes a step fail as soon as it begins the next time, on each host once, so that what the recipe does about it can succeed. When no such step is begun the test fails.
---Computes here; contacts nothing.
---@param step string the step's title, or the first words of it
---@param options? { host?: string, always?: boolean, message?: string }
function lab.fail(step, options) end

---Takes the settings of the project, such as app.lua's, as their declaration has them by default: in the runs that follow, and in the test where they are required later. So a test says of a recipe what holds in every project. Secrets may be missing then.
---Computes here; contacts nothing.
function lab.defaults() end

---in *_test.lua only: what must be so; otherwise the test has failed at that line
expect = {}

---Two values are the same; tables when all that is in them is.
---Computes here; contacts nothing.
---@param got? any what there is
---@param want? any what it must be
---@param what? string what it is, for the failure
function expect.equal(got, want, what) end

---A text has a part, which is no pattern.
---Computes here; contacts nothing.
---@param text string the text
---@param part string what must be in it
function expect.contains(text, part) end

---A run ended with this exit status: 0 done, 1 a step failed, 2 wrong usage, 3 refused before any change.
---Computes here; contacts nothing.
---@param result table what run returned
---@param want integer the exit status
function expect.status(result, want) end

---An event like this happened in a run. Returns the first one.
---Computes here; contacts nothing.
---@param result table what run returned
---@param like table what is to be so of the event
---@return table
function expect.event(result, like) end

---A path on a host is a link that leads to target. Both begin at host.vars.root unless they are absolute.
---Changes nothing; runs in a dry run too.
---@param host host the host
---@param path string the link
---@param target string where it leads to
function expect.link(host, path, target) end

---A file or folder is on a host; with contains, a file that has this text in it. Returns a file's text.
---Changes nothing; runs in a dry run too.
---@param host host the host
---@param path string the file or folder; it begins at host.vars.root unless it is absolute
---@param options? { contains?: string }
---@return string
function expect.file(host, path, options) end

---Nothing is at a path on a host, not even a broken link.
---Changes nothing; runs in a dry run too.
---@param host host the host
---@param path string the path; it begins at host.vars.root unless it is absolute
function expect.absent(host, path) end

---The last entry of a host's releases.log says all of this. Returns the entry.
---Changes nothing; runs in a dry run too.
---@param host host the host
---@param like table<string, string> what the entry must say: action, release, revision, from, by
---@return table<string, any>
function expect.log(host, like) end
