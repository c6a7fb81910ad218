-- The commit and how it comes to a host. With source = "git" the hosts fetch it from the git
-- server. With "push" this machine sends it, from a clone here. With "archive" this machine makes a
-- commit of a folder or a tar archive, and sends that. From then on all three are the same: the
-- host has the commit in ROOT/repo.git, and a release is a clone of it.

local common = require "options"

local app = common.app

-- OWN has the names that runbook creates in a release.
local OWN = { ".runbook.json", "venv/" }

-- What this machine sends with "push" and "archive": the repository here that has the commit, and
-- the path of the folder or the tar archive.
local local_repo, archive_path

-- is_sent reports whether this machine sends the commit, so that hosts need no git server.
local function is_sent(options)
  return options.source ~= "git"
end

-- transport returns how a host reaches the repository: "ssh", "https", "login" for https with a
-- login in the URL, or "file".
local function transport(options)
  return options.repo ~= "" and localhost.git:transport(options.repo) or "file"
end

-- over_ssh reports whether git logs in by ssh. https and paths take no key.
local function over_ssh(options)
  return transport(options) == "ssh"
end

-- needs_key reports whether git needs a deploy key.
local function needs_key(options)
  return #options.key > 0 and over_ssh(options) and options.source ~= "archive"
end

-- locate_login returns who can log in to the repository: "here" for this machine, "host" for the
-- hosts alone, and "anywhere" for whoever can reach it, unless it needs a login that only the hosts
-- have.
local function locate_login(options)
  if is_sent(options) then
    return "here"
  elseif needs_key(options) then
    return options.agent == "forward" and "here" or "host"
  end
  return ({ login = "here", https = "anywhere" })[transport(options)] or "host"
end

-- private_servers returns the git servers that private in app.lua names, as user@host.
local function private_servers(options)
  local to = {}
  for i, server in ipairs(options.private) do
    to[i] = server:find("@", 1, true) and server or "git@" .. server
  end
  return to
end

-- git_servers returns the git servers that the key is for: the repository's, and with private those
-- of app.lua.
local function git_servers(options, private)
  local to = private and private_servers(options) or {}
  if over_ssh(options) and options.source ~= "archive" then
    table.insert(to, 1, options.repo)
  end
  return to
end

-- with_key calls fn, which calls git on a host or here, with access to the deploy key. With --agent
-- forward the agent inside runbook is forwarded only while fn runs, and signs for these git servers
-- alone. more is how many more logins than app.signatures fn needs.
local function with_key(host, options, to, fn, more)
  local function allowed()
    host.git:allow({ to = to, proxy = app.git_proxy }, fn)
  end
  if #options.key > 0 and #to > 0 and options.agent == "forward" then
    agent.forward({ keys = options.key, to = to, signatures = app.signatures + (more or 0) }, allowed)
  else
    allowed()
  end
end

-- with_agent calls fn, the whole update of one host. With --agent host it starts ssh-agent on the
-- host, adds the host's own key for the git server alone, and stops the agent after fn, whatever
-- happens.
local function with_agent(host, options, fn)
  local to = git_servers(options, true)
  if #options.key > 0 and #to > 0 and options.agent == "host" then
    host:agent({ keys = options.key, to = to }, fn)
  else
    fn()
  end
end

-- UNABLE has parts of messages that mean: this machine cannot ask the git server. Other errors are
-- answers of the git server.
local UNABLE = { "can't be reached", "there is no git", "cannot run ssh", "did not name the server it talks to",
  "No user exists for uid" } -- ssh, where the user id has no name, as in a container

-- is_unable reports whether an error means that this machine cannot ask. A refused login counts,
-- too, where only the hosts may have one.
local function is_unable(options, err)
  for _, text in ipairs(UNABLE) do
    if err.message:find(text, 1, true) then
      return true
    end
  end
  return locate_login(options) == "anywhere" and err.message:find("refused the login", 1, true) ~= nil
end

-- ON_HOSTS is why this machine does not resolve the branch.
local ON_HOSTS = "the repository, or the key to it, is on the hosts"

-- validate fails where the settings of the source contradict each other.
local function validate(options)
  local source = "--source " .. options.source
  if options.source == "archive" then
    if options.path == "" then
      fail(source .. " needs a path",
        "name the folder or the tar archive on this machine: --path dist, or path = in recipes/app.lua")
    elseif app.verify ~= "none" then
      fail("an archive has no signature, and verify = \"" .. app.verify .. "\" wants one", "release from git or push")
    end
  elseif options.path ~= "" then
    fail("--path needs --source archive; with " .. source .. " the whole repository is released",
      "for a folder of it, name the files in there: " ..
        "wsgi = \"services/web/wsgi.py\", requirements = \"services/web/requirements.txt\"")
  end
  if is_sent(options) and options.depth > 0 then
    fail("--depth needs --source git: " .. source .. " sends what the host lacks", "leave --depth out")
  elseif needs_key(options) and is_sent(options) and options.agent == "host" then
    fail("with --agent host the key is on the hosts, and " .. source .. " needs it on this machine",
      "give a key of this machine, with --agent forward")
  end
end

-- pack makes a commit of the folder or the tar archive. It returns the commit.
local function pack(options)
  local stored = localhost.git:archive({ path = options.path, reserve = OWN })
  local_repo, archive_path = stored.repo, stored.path
  log.info(("%s is %s: %d files, %s"):format(options.path, stored.revision, stored.files,
    stored.bytes < 1e5 and stored.bytes .. " bytes" or ("%.1f MB"):format(stored.bytes / 1e6)))
  if options.revision ~= "" and options.revision ~= stored.revision then
    fail(options.path .. " is " .. stored.revision .. ", not " .. options.revision .. ": its files have changed",
      "build it as it was, or leave out --revision and choose another --release")
  end
  return stored.revision
end

-- fetch makes this machine have the commit with all that belongs to it. It returns the commit.
local function fetch(options)
  local revision = options.revision
  with_key(localhost, options, git_servers(options), function()
    if revision == "" then
      revision = localhost.git:resolve(options.repo, options.branch)
      log.info(options.branch .. " is " .. revision)
    end
    local_repo = localhost.git:hold({ repo = options.repo, revision = revision, branch = options.branch })
    log.info("the commit is sent from " .. local_repo)
  end)
  return revision
end

-- resolve returns the commit to release, decided on this machine. So no host can have another
-- commit released on the others. Otherwise it returns nil and why the hosts have to resolve the
-- branch. The third result is an error that the hosts are likely to get, too; where they do, theirs
-- is reported instead. With "push" and "archive" this machine has the commit when resolve returns.
local function resolve(options)
  local find = options.source == "archive" and pack or options.source == "push" and fetch
  if not find and options.revision ~= "" then
    log.info("--revision: each clone is checked to be of that commit; whether " .. options.branch ..
      " has it is not asked")
    return options.revision
  elseif locate_login(options) == "host" then
    return nil, ON_HOSTS
  end
  local revision
  local ok, err = pcall(function()
    if find then
      revision = find(options)
      return
    end
    with_key(localhost, options, git_servers(options), function()
      revision = localhost.git:resolve(options.repo, options.branch)
    end)
    log.info(options.branch .. " is " .. revision .. ", resolved on this machine")
  end)
  if ok then
    return revision
  elseif type(err) ~= "userdata" then
    error(err, 0) -- a mistake in the recipe
  end
  local message = err.message:gsub("^localhost: ", "")
  if not find and is_unable(options, err) then
    return nil, "from this machine: " .. message
  end
  return nil, message, { message, err.hint }
end

-- verify fails unless the commit has the signature that verify in app.lua asks for. The check runs
-- on this machine, whatever the hosts report. why is the reason why this machine does not know the
-- commit, or nil.
local function verify(options, revision, why)
  if app.verify == "none" then
    return
  end
  if why or locate_login(options) == "host" then
    fail("the signature of the " .. app.verify .. " can't be checked: " .. (why or ON_HOSTS),
      "signatures are checked on this machine, which must be able to fetch from the repository; " ..
        "or set verify = \"none\" in recipes/app.lua")
  end
  with_key(localhost, options, git_servers(options), function()
    log.info(localhost.git:verify({
      repo = options.repo, revision = revision, branch = options.branch, by = app.verify, signers = app.allowed_signers,
    }))
  end)
end

-- agree returns the commit that all hosts report, and logs why the hosts decide it. It fails where
-- they differ. heads has the commits by host name.
local function agree(servers, heads, why)
  local first, lines, same = servers[1], {}, true
  for _, host in ipairs(servers) do
    same = same and heads[host.name] == heads[first.name]
    lines[#lines + 1] = host.name .. ": " .. tostring(heads[host.name])
  end
  if not same then
    for _, host in ipairs(servers) do
      host:result({ state = "refused" })
    end
    fail("the hosts report different commits for the branch:\n  " .. table.concat(lines, "\n  "),
      "if somebody pushed meanwhile, release again; else find out why one host's git says something else, " ..
        "or name the commit by --revision")
  end
  local said = ("the commit is %s by the word of %s%s (%s)"):format(heads[first.name]:sub(1, 10), first.name,
    #servers > 1 and ", and the others agree" or "", why)
  if why:find("from this machine", 1, true) then
    log.warn(said)
  else
    log.info(said)
  end
  return heads[first.name]
end

-- missing returns a problem where a host has no git, or nil. facts are those of preflight.
local function missing(facts)
  return not facts.git and { "git is not installed", "on Debian and Ubuntu: sudo apt-get install git" } or nil
end

-- access fails unless a host can read the repository. It returns the commit that the branch points
-- to there. With a revision it does not look for the branch. A host that gets the commit from this
-- machine needs no access.
local function access(host, options, revision)
  local head
  if is_sent(options) then
    if revision and not local_repo then
      fail("source = \"" .. options.source .. "\" is for this host alone: the commit is found before hosts are known",
        "give --source for all hosts, and release the others with --except")
    end
    return nil
  end
  with_agent(host, options, function()
    with_key(host, options, git_servers(options), function()
      if revision then
        host.git:reach(options.repo)
      else
        head = host.git:resolve(options.repo, options.branch)
      end
    end)
  end)
  return head
end

-- needs returns what the commit needs from other servers, see host.git:needs. This machine reads
-- the commit; with a mirror, the host does. It returns nil where neither can: then the clone, or
-- pip, reports what is missing.
local function needs(host, options, revision, mirror)
  local sent = is_sent(options) and local_repo
  if not mirror and not sent and locate_login(options) == "host" then
    return nil
  end
  local found
  local function look()
    with_key(host, options, sent and {} or git_servers(options), function()
      found = host.git:needs({
        repo = sent or options.repo, revision = revision, branch = not sent and options.branch or "",
        mirror = sent or mirror or "", requirements = common.requirements(options),
        private = private_servers(options) })
    end)
  end
  local ok, err
  if mirror then
    ok, err = pcall(with_agent, host, options, look)
  else
    ok, err = pcall(look)
  end
  if not ok and type(err) ~= "userdata" then
    error(err, 0)
  elseif not ok and mirror then
    log.warn("what the commit needs from other servers is not known before the clone: " .. err.message)
  end
  return found
end

-- REPOSITORIES has what the repositories of each kind are for, in problems.
local REPOSITORIES = { { "requirements", "%s installs %s" }, { "submodules", "the submodule %s: %s" } }

-- unnamed returns a problem where the commit needs git servers that private does not name, or has
-- invalid URLs, or nil.
local function unnamed(options, found)
  local lines, names = {}, private_servers(options)
  for _, kind in ipairs(REPOSITORIES) do
    for _, need in ipairs(found[kind[1]]) do
      if need.problem ~= "" then
        lines[#lines + 1] = kind[2]:format(need.at,
          need.repo ~= "" and need.repo .. ": " .. need.problem or need.problem)
      end
      if need.problem ~= "" and need.server ~= "" and not table.concat(names, " "):find(need.server, 1, true) then
        names[#names + 1] = need.server
      end
    end
  end
  if #lines == 0 then
    return nil
  end
  for i, name in ipairs(names) do
    names[i] = '"' .. name .. '"'
  end
  return { table.concat(lines, "\n    "), #names > #options.private
    and "add to recipes/app.lua: private = { " .. table.concat(names, ", ") ..
      " }; the key is then lent for these servers, too" or nil }
end

-- missing_in_pack returns a problem where a commit has submodules or files in Git LFS, which a pack
-- does not contain and only hosts could fetch, or nil.
local function missing_in_pack(options, found)
  local submodule, file = found.submodules[1], app.lfs == "fetch" and found.lfs[1]
  if options.source ~= "push" or not (submodule or file) then
    return nil
  end
  return { "the commit has " .. (submodule and "the submodule " .. submodule.at or file .. " in Git LFS") ..
    ", which --source push does not send",
    "release a whole checkout with --source archive --path FOLDER, or let the hosts fetch it with --source git" }
end

-- count_lfs returns how many files of Git LFS there are, in words, with the first.
local function count_lfs(found)
  return ("%d%s files of Git LFS, such as %s"):format(#found.lfs, #found.lfs == 1000 and " or more" or "", found.lfs[1])
end

-- lfs_problem returns why a host cannot get the files of Git LFS, or nil.
local function lfs_problem(host, options, found)
  if #found.lfs == 0 or app.lfs == "pointers" or is_sent(options) or host:test("git lfs version >/dev/null 2>&1") then
    return nil
  end
  return { "the commit has " .. count_lfs(found) .. ", and git-lfs is not installed",
    "on Debian and Ubuntu: sudo apt-get install git-lfs; " ..
      "lfs = \"pointers\" in recipes/app.lua releases the pointer files as they are" }
end

-- needs_problems returns why a host cannot get what the commit needs. found comes from needs.
local function needs_problems(host, options, found, catch)
  local problem = missing_in_pack(options, found) or unnamed(options, found) or lfs_problem(host, options, found)
  if problem then
    return { problem }
  end
  local problems, asked, count = {}, {}, #found.requirements + #found.submodules
  if count == 0 then
    return problems
  end
  with_agent(host, options, function()
    with_key(host, options, git_servers(options, true), function()
      for _, kind in ipairs(REPOSITORIES) do
        for _, need in ipairs(found[kind[1]]) do
          local denied = not asked[need.repo] and catch(host, host.git.reach, host.git, need.repo)
          asked[need.repo] = true
          if denied then
            problems[#problems + 1] = { kind[2]:format(need.at, need.repo) .. ": " .. denied[1], denied[2] }
          end
        end
      end
    end, count)
  end)
  return problems
end

-- with_private calls fn, which installs requirements on a host, with access to the git servers that
-- private names. found comes from needs, or is nil. pip may log in five times for each of them.
local function with_private(host, options, found, fn)
  if #options.private == 0 then
    fn()
  else
    with_key(host, options, private_servers(options), fn, 5 * (found and #found.requirements or 10))
  end
end

-- bring gets the commit into ROOT/repo.git on a host.
local function bring(host, release)
  local options, paths = release.options, release.paths
  if is_sent(options) then
    host.git:push({ from = local_repo, revision = release.revision, path = paths.mirror,
      branch = release.of_branch and options.source == "push" and options.branch or "" })
  else
    host.git:mirror({ repo = options.repo, path = paths.mirror, revision = release.revision,
      branch = release.of_branch and options.branch or "" })
  end
end

-- logins_of returns the git servers that a clone logs in to, and how many logins more than one
-- repository takes. found comes from needs, or is nil. Nested submodules are not counted.
local function logins_of(options, found)
  if is_sent(options) then
    return {}, 0
  end
  local submodules, files = found and #found.submodules or 0, found and #found.lfs or 0
  return git_servers(options, not found or submodules > 0),
    (submodules > 0 and 2 * submodules + 10 or 0) + (files > 0 and 10 or 0)
end

-- clone clones the repository into the folder of the release, at its revision.
local function clone(host, release)
  local options, paths = release.options, release.paths
  local archive = options.source == "archive"
  host:plan("source", function()
    return archive and archive_path or host.git:strip(options.repo) ..
      (options.branch ~= "" and ", " .. options.branch or "") ..
      (is_sent(options) and ", sent from this machine" or "")
  end)
  step("clone " .. release.revision:sub(1, 10), { required = true }, function()
    local how = { repo = archive and paths.mirror or options.repo, revision = release.revision, into = release.dir,
      branch = not archive and options.branch or "", on_branch = release.of_branch and not is_sent(options),
      archive = archive, reserve = OWN, private = private_servers(options), lfs = app.lfs }
    local to, logins = logins_of(options, release.needs)
    with_key(host, options, to, function()
      if options.depth > 0 then
        how.depth = options.depth
      else
        bring(host, release)
        how.mirror = paths.mirror
      end
      host.git:clone(how)
    end, logins)
  end)
end

-- compare returns what lies between the commit of the current release and that of a release, see
-- host.git:compare. The commit is looked for where the release takes it from; nothing is changed.
local function compare(host, release, current)
  local options, paths, between = release.options, release.paths, nil
  local how = { from = current, to = release.revision, requirements = common.requirements(app),
    stores = { paths.mirror, paths.current .. "/.git", release.dir .. "/.git" } }
  if release.action ~= "release" then
    return host.git:compare(how)
  end
  how.requirements, how.branch = common.requirements(options), options.branch
  if is_sent(options) then
    how.stores, how.branch = { local_repo }, ""
    return localhost.git:compare(how)
  end
  how.repo = options.repo
  with_agent(host, options, function()
    with_key(host, options, git_servers(options), function() between = host.git:compare(how) end)
  end)
  return between
end

-- is_archive reports whether a release is of an archive, whose commit has no history. For a
-- rollback this is unknown: false.
local function is_archive(release)
  return release.action == "release" and release.options.source == "archive"
end

-- count returns a number of commits in words.
local function count(number)
  return number == 1 and "1 commit" or number .. " commits"
end

-- relation describes where the commit of a release is in history, seen from the current one. It
-- also returns a warning where the release takes commits back. between is from compare, nil where
-- it is not known.
local function relation(release, between)
  local kind = between and not is_archive(release) and between.relation or "unknown"
  if kind == "same" then
    return ", the same commit"
  elseif kind == "ahead" then
    return ", " .. count(between.ahead) .. " ahead"
  elseif kind == "behind" then
    return ", " .. count(between.behind) .. " back", release.action == "release" and
      "it goes back in history: the current release has " .. count(between.behind) .. " that this one lacks" or nil
  elseif kind == "diverged" or kind == "unrelated" then
    return (", %s ahead and %d back"):format(count(between.ahead), between.behind), release.action == "release" and
      "it goes sideways in history: the current release has " .. count(between.behind) .. " that this one lacks" or nil
  end
  return ""
end

-- plan_commits states the commits of one side.
local function plan_commits(host, title, commits, number)
  host:plan(title, function()
    local rows = {}
    for i, commit in ipairs(commits) do
      rows[i] = { commit.revision:sub(1, 10), commit.date, commit.author, commit.subject }
    end
    return #rows > 0 and { rows = rows, omitted = number - #rows } or nil
  end)
end

-- SHOWN is the number of files that a plan names.
local SHOWN = 50

-- STATUS has words for how a file differs.
local STATUS = { A = "new", M = "changed", T = "changed", D = "gone" }

-- matches reports whether a path matches a pattern in which * is any text and ? any character. A
-- folder at the top matches like one below it.
local function matches(path, glob)
  local pattern = glob:gsub("[^%w*?]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  return ("/" .. path):find("^" .. pattern .. "$") ~= nil or path:find("^" .. pattern .. "$") ~= nil
end

-- plan_migrations states the migrations that differ. Where a release does not continue the current
-- one, those that only the current one has are orphaned: the database has them, and no code is left
-- to undo them.
local function plan_migrations(host, between)
  local rows, orphans, number = {}, 0, 0
  for _, file in ipairs(between.files) do
    if app.migrations ~= "" and matches(file.path, app.migrations) then
      local orphan = file.status == "D" and between.relation ~= "ahead"
      orphans, number = orphans + (orphan and 1 or 0), number + 1
      if number <= SHOWN then
        rows[number] = { file.path, orphan and "orphaned" or STATUS[file.status] or file.status }
      end
    end
  end
  host:plan("migrations", function()
    return number > 0 and { rows = rows, omitted = number - #rows, warning = orphans > 0 and
      (orphans == 1 and "1 migration is" or orphans .. " migrations are") ..
      " orphaned: only the current release can undo what was applied, so do that first" or nil } or nil
  end)
end

-- plan states what lies between the current release and another. problem is why it is not known, or
-- nil.
local function plan(host, release, between, problem)
  if is_archive(release) then
    host:plan("commits", function() return "an archive, which has no history" end)
    if between then
      plan_migrations(host, between)
    end
    return
  elseif not between or (between.relation == "unknown" and #between.files == 0) then
    host:plan("commits", function()
      return { warning = "not known: " .. (problem or "the history of the current release is not there") }
    end)
    return
  elseif between.relation == "unknown" then
    host:plan("commits", function() return "not known: the clones have no history (--depth)" end)
  end
  plan_commits(host, "commits", between.added, between.ahead)
  plan_commits(host, "undone", between.removed, between.behind)
  plan_migrations(host, between)
end

-- origin returns where a release comes from, as its .runbook.json has it: the repository without a
-- password and the branch, or the path of the archive and "".
local function origin(host, options)
  if options.source == "archive" then
    return archive_path, ""
  end
  return host.git:strip(options.repo), options.branch
end

return {
  validate = validate, with_agent = with_agent, resolve = resolve, verify = verify, agree = agree, missing = missing,
  access = access, needs = needs, needs_problems = needs_problems, with_private = with_private, clone = clone,
  compare = compare, relation = relation, plan = plan, origin = origin }
