-- The releases on a host: their paths and names, their log, which exist, which is current, which
-- can be rolled back to, which are old enough to delete, and the files that outlive them.

local common = require "options"
local app = common.app
local helpers = require "helpers"

-- history has the functions for ROOT/releases.log: what was done with the releases of a host, one
-- JSON object per line.
local history = {}

-- USER@MACHINE of whoever runs this; nil until me is called.
local who

-- me returns USER@MACHINE of whoever runs this recipe. It is a label and never fails: a user
-- without a name has their number.
function history.me()
  if not who then
    local user = os.getenv("USER") or os.getenv("LOGNAME") or localhost:capture({ "id", "-un" }, { check = false })
    if user == "" then
      user = localhost:capture({ "id", "-u" }, { check = false })
    end
    who = user .. "@" .. localhost:capture({ "uname", "-n" }, { check = false })
  end
  return who
end

-- append adds a line. entry has action ("release", "rollback", "prune" or "restore"), release,
-- revision, and from: the release that was current before, "" for none.
function history.append(host, paths, entry)
  host:plan("releases.log", function() return nil end) -- a plan does not name the line of the log
  local line = json.encode({
    at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
    by = history.me(),
    action = entry.action,
    release = entry.release,
    revision = entry.revision or "",
    from = entry.from or "",
  })
  -- A run that was killed while writing leaves half a line, which must not swallow this one.
  host.fs:write(paths.log, line .. "\n", { append = true, line = true })
end

-- try_append adds a line, or warns where that fails. It is for going back, which must not stop
-- because of the log.
function history.try_append(host, paths, entry)
  local ok, err = pcall(history.append, host, paths, entry)
  if not ok then
    log.warn(entry.action .. " of " .. entry.release .. ": the log has no entry for it: " ..
      tostring(err.message or err))
  end
end

-- parse returns the entries of the log's text, oldest first. Invalid lines are skipped: others may
-- write there, too.
function history.parse(text)
  local entries = {}
  for line in helpers.lines(text) do
    local ok, entry = pcall(json.decode, line)
    if ok and type(entry) == "table" and type(entry.action) == "string" and type(entry.release) == "string" then
      entry.from = type(entry.from) == "string" and entry.from or ""
      entry.revision = type(entry.revision) == "string" and entry.revision or nil
      entries[#entries + 1] = entry
    end
  end
  return entries
end

-- is_switch reports whether an entry made its release current because somebody asked for it.
local function is_switch(entry)
  return entry.action == "release" or entry.action == "rollback"
end

-- failed returns the releases, by name, that failed on a host of a run and have not served on this
-- one since.
function history.failed(entries)
  local names = {}
  for _, entry in ipairs(entries) do
    if entry.action == "restore" then
      names[entry.from] = true
    elseif is_switch(entry) or entry.action == "prune" then
      names[entry.release] = nil
    end
  end
  return names
end

-- left returns the entries of the last rollbacks, by the names of the releases that they left. A
-- release that was made current again since does not count. If a second rollback did that, the
-- release that it left does not count either, because it only undid the first rollback.
function history.left(entries)
  local by_name = {}
  for _, entry in ipairs(entries) do
    if is_switch(entry) or entry.action == "prune" then
      local returns = by_name[entry.release]
      by_name[entry.release] = nil
      if entry.action == "rollback" and entry.from ~= "" and entry.from ~= entry.release and not returns then
        by_name[entry.from] = entry
      end
    end
  end
  return by_name
end

-- before returns the release that was current before the last switch to the release called name, or
-- nil. Releases whose names are keys of but do not count.
function history.before(entries, name, but)
  for i = #entries, 1, -1 do
    local entry = entries[i]
    if is_switch(entry) and entry.release == name and entry.from ~= "" and entry.from ~= name
      and not but[entry.from] then
      return entry.from
    end
  end
  return nil
end

-- last returns the entry of the last switch, or nil. A switch is logged when the release serves:
-- where the link points elsewhere, a run was killed between the two.
function history.last(entries)
  for i = #entries, 1, -1 do
    if is_switch(entries[i]) or entries[i].action == "restore" then
      return entries[i]
    end
  end
  return nil
end

-- finished reports whether the last switch was to the release called name and was completed.
function history.finished(entries, name)
  local entry = history.last(entries)
  return entry ~= nil and is_switch(entry) and entry.release == name
end

-- get_paths returns the paths under ROOT on a host. Inside each, options.root is the value for that
-- host.
local function get_paths(options)
  local root = helpers.absolute("--root", options.root)
  return {
    root = root,
    current = root .. "/current",
    releases = root .. "/releases",
    shared = root .. "/shared",
    mirror = root .. "/repo.git",
    venvs = root .. "/venvs",
    log = root .. "/releases.log",
    lock = root .. "/.runbook.lock",
    drained = root .. "/.runbook.drained", -- exists while a run has the host out of service
  }
end

-- is_name reports whether a release may have this name: a single folder name that no shell and no
-- option parser misreads.
local function is_name(name)
  return name:find("^%w[%w._-]*$") ~= nil
end

-- get_dir returns the folder of a release. The name of a foreign release is its path.
local function get_dir(paths, name)
  return name:sub(1, 1) == "/" and name or paths.releases .. "/" .. name
end

-- name_of returns the name of the release at a path, or nil unless the path is exactly
-- ROOT/releases/NAME.
local function name_of(paths, path)
  local folder = paths.releases .. "/"
  local name = path:sub(#folder + 1)
  if path:sub(1, #folder) == folder and is_name(name) then
    return name
  end
  return nil
end

-- title returns the name of the release at a path, or the whole path outside of ROOT/releases.
local function title(paths, path)
  local plain = path:gsub("(.)/+$", "%1")
  return name_of(paths, plain) or plain
end

-- is_foreign reports whether a title can be that of a foreign release: a folder outside of
-- ROOT/releases that another tool made and current pointed to.
local function is_foreign(paths, name)
  return name:find("^/.") ~= nil and #name < 4096 and not name:find("%c") and not (name .. "/"):find("/%.?%.?/")
    and name ~= paths.releases and name ~= paths.current and name ~= paths.root and not name_of(paths, name)
end

-- new returns a release on a host, as the steps of a recipe and the functions in app.lua get it:
--   name, revision     as asked for, or as resolved from the branch
--   dir                its folder on this host
--   python             the Python of its virtualenv
--   env                the application's environment, for commands that import it; nil without one
--   current            the path of the link
--   action             "release", "rollback" or "restart"
--   interpreter        the Python that its virtualenv is made with
--   options, paths     the settings for this host, and the paths under its root
local function new(options, action, target)
  local paths = get_paths(options)
  local dir = get_dir(paths, target.name)
  return {
    name = target.name, revision = target.revision, dir = dir, python = dir .. "/venv/bin/python",
    env = app.env, current = paths.current,
    action = action, interpreter = target.interpreter, options = options, paths = paths,
  }
end

-- share lets the members of the group in app.lua change what this login has made in folders,
-- whatever modes programs gave it. The content of the folder except is left alone. It returns how
-- much was changed, or nil.
local function share(host, folders, except)
  local group = common.shared_group()
  return group ~= "" and helpers.record(host:script("share.sh", group, except or "", folders).stdout) or nil
end

-- REQUIREMENTS is where a release records which file its marker's checksum belongs to; releases of
-- earlier versions lack it.
local REQUIREMENTS = ".git/runbook-requirements"

-- settings returns the settings that a complete release recorded, as texts by name. Releases of
-- earlier versions recorded only the branch and the interpreter in their marker.
local function settings(release)
  local marker = release.marker
  return type(marker.settings) == "table" and marker.settings or { branch = marker.branch, python = marker.python }
end

-- read_marker parses a .runbook.json. It returns nil and the reason where the marker is invalid or
-- does not match the checked-out commit and the checksum of the requirements; such a release does
-- not count as complete.
local function read_marker(name, commit, checksum, text)
  if #text > 65536 then
    return nil, "its .runbook.json is larger than 64 KiB"
  end
  local ok, marker = pcall(json.decode, text)
  if not ok or type(marker) ~= "table" or type(marker.revision) ~= "string" then
    return nil, "its .runbook.json is not one that a release writes"
  elseif marker.release ~= name then
    return nil, "its .runbook.json is that of another release"
  elseif marker.revision ~= commit then
    return nil, ("its .runbook.json is of revision %s, and %s is checked out"):format(marker.revision:sub(1, 10),
      commit:find("^%w+$") and commit:sub(1, 10) or commit == "" and "none" or "a branch")
  elseif checksum ~= "unknown" and marker.requirements_sha256 ~= checksum then
    return nil, "its requirements are not those that were installed"
  end
  marker.python = type(marker.python) == "string" and marker.python or nil
  marker.at = type(marker.at) == "string" and marker.at or nil
  return marker
end

-- read_link records where current points.
local function read_link(found, paths, target)
  found.current = target
  if target:sub(1, 1) ~= "/" then
    found.odd = paths.current .. " points to the relative path " .. target
    return
  end
  local name = title(paths, target)
  found.name = (is_name(name) or is_foreign(paths, name)) and name or nil
end

-- add records a release.
local function add(found, release)
  found.list[#found.list + 1] = release
  found.by_name[release.name] = release
end

-- outside returns the last folders outside of ROOT/releases that the log names: releases of another
-- tool that current pointed to. The number is limited because anybody who can write the log can add
-- more.
local function outside(paths, entries)
  local list, seen = {}, {}
  for i = #entries, 1, -1 do
    for _, name in ipairs({ entries[i].release, entries[i].from }) do
      if #list < 20 and is_foreign(paths, name) and not seen[name] then
        seen[name] = true
        list[#list + 1] = name
      end
    end
  end
  return list
end

-- read_state returns the entries of the log, and what releases.sh prints about a host. The releases
-- of another tool are known only by the log, so they are asked for where it names some.
local function read_state(host, paths, what, wsgi)
  local function records(...)
    return helpers.records(
      host:script("releases.sh", paths.root, what, wsgi or "", { ... }, { changes = false }).stdout)
  end
  local found, entries = records(), {}
  for _, record in ipairs(found) do
    if record[1] == "log" then
      entries = history.parse(record[2])
    end
  end
  local more = what == "all" and outside(paths, entries) or {}
  return entries, #more > 0 and records(unpack(more)) or found
end

-- look returns the releases and the state of a host:
--   current   where the link points, or nil       name      the release that it points to, or nil
--   odd       why current is not what it should be, or nil
--   list      releases, newest name first: { name, complete, why, marker, old, foreign, lacks }
--             why is the reason why a release with a marker is not complete.
--             A foreign release is a folder outside of ROOT/releases that current points to or
--             pointed to; its name is its path.
--             lacks is the reason why it cannot be served, { kind, detail }: see releases.sh.
--   by_name   the same by name
--   alias     names under releases/ that are links
--   venvs     whether there are virtualenvs that releases share
--   holder    who holds the lock, or nil
--   drained   whether the host is out of the load balancer
--   leftovers paths that killed runs left; while the lock is held, some belong to its run
--   entries   the entries of releases.log         failed    the failed releases, by name
-- wsgi is the WSGI script that a release needs; nil for none.
local function look(host, paths, wsgi)
  local old, found = {}, { list = {}, by_name = {}, alias = {}, leftovers = {} }
  local records
  found.entries, records = read_state(host, paths, "all", wsgi)
  found.failed = history.failed(found.entries)
  for _, record in ipairs(records) do
    local kind, name = unpack(record)
    if kind == "link" then
      read_link(found, paths, name)
    elseif kind == "odd" then
      found.odd = paths.current .. " is not a link"
    elseif kind == "venvs" then
      found.venvs = true
    elseif kind == "held" then
      found.holder = name
    elseif kind == "drained" then
      found.drained = true
    elseif kind == "left" then
      found.leftovers[#found.leftovers + 1] = paths.root .. "/" .. name
    elseif kind == "alias" then
      found.alias[name] = true
    elseif kind == "outside" then
      if is_foreign(paths, name) and not found.by_name[name] then
        add(found, { name = name, complete = true, foreign = true, marker = { revision = "" } })
      end
    elseif kind == "lacks" then
      local release = found.by_name[name]
      if release and release.complete and not release.lacks then
        release.lacks = { record[3], record[4] or "" }
      end
    elseif kind == "old" then
      old[name] = true
    elseif (kind == "complete" or kind == "incomplete") and is_name(name) then
      local marker, why
      if kind == "complete" then
        marker, why = read_marker(name, record[3], record[4], record[5] or "")
      end
      add(found, { name = name, complete = marker ~= nil, marker = marker or {}, why = why,
        old = not marker and old[name] })
    end
  end
  table.sort(found.list, function(a, b) return a.name > b.name end)
  return found
end

-- LACKS has a sentence for an error and a short text for a table cell, by kind.
local LACKS = {
  venv = { "it has no virtualenv: %s/venv is missing", "no venv" },
  python = { "its interpreter is missing: %s/venv/bin/python points to %s", "no interpreter" },
  packages = { "its virtualenv was made for another Python: %s/venv/lib has no %s", "other Python" },
  wsgi = { "it has no WSGI script %s/%s", "no WSGI script" },
}

-- lack returns why a release cannot be served, as a sentence and in short, or nil.
local function lack(paths, release)
  if release.why then
    return release.why, "incomplete"
  end
  local words = release.lacks and LACKS[release.lacks[1]]
  if not words then
    return nil
  end
  local detail = release.lacks[2]
  return words[1]:format(get_dir(paths, release.name), detail ~= "" and detail or "nothing"), words[2]
end

-- current returns the target of ROOT/current, or nil without a link; and the entries of
-- releases.log.
local function current(host, paths)
  local entries, records = read_state(host, paths, "link")
  for _, record in ipairs(records) do
    if record[1] == "link" then
      return record[2], entries
    end
  end
  return nil, entries
end

-- holds_foreign reports whether a foreign release is inside the folder of a release.
local function holds_foreign(found, paths, name)
  local folder = get_dir(paths, name) .. "/"
  for _, release in ipairs(found.list) do
    if release.foreign and release.name:sub(1, #folder) == folder then
      return true
    end
  end
  return false
end

-- to_prune lists the releases to delete, oldest first. Releases that failed or lack something are
-- deleted before ones that served. previous, the target of the next rollback, is the last complete
-- release to be deleted. kept and foreign releases are never deleted.
local function to_prune(found, keep, kept, previous)
  local served, broken, remove = {}, {}, {}
  for _, release in ipairs(found.list) do
    if release.complete and not release.foreign then
      local list = (found.failed[release.name] or release.lacks) and broken or served
      if release.name == previous or kept[release.name] then
        table.insert(list, kept[release.name] and 1 or math.min(2, #list + 1), release)
      else
        list[#list + 1] = release
      end
    elseif release.old and not release.foreign and not kept[release.name] then
      remove[#remove + 1] = release
    end
  end
  local left = keep
  for _, list in ipairs({ served, broken }) do
    for _, release in ipairs(list) do
      left = left - 1
      if left < 0 and not kept[release.name] then
        remove[#remove + 1] = release
      end
    end
  end
  table.sort(remove, function(a, b) return a.name < b.name end)
  return remove
end

-- prune deletes complete releases beyond the newest keep, and incomplete ones older than a day.
-- released is the name of the current release, previous that of the one before. It returns what
-- look found, or nil where nothing was pruned.
local function prune(host, paths, keep, released, previous)
  local found = look(host, paths)
  if found.odd or (found.current and not found.name) then
    log.warn("nothing is pruned: " .. (found.odd or paths.current .. " points to " .. found.current))
    return nil
  end
  -- In a dry run the new release does not exist, but it counts.
  if not found.by_name[released] then
    table.insert(found.list, 1, { name = released, complete = true, marker = {} })
    table.sort(found.list, function(a, b) return a.name > b.name end)
  end
  local kept = { [released] = true }
  if found.name then
    kept[found.name] = true
  end
  for _, release in ipairs(found.list) do
    kept[release.name] = kept[release.name] or not release.foreign and holds_foreign(found, paths, release.name) or nil
  end
  local remove = to_prune(found, keep, kept, previous)
  host:plan("prune", function()
    local names = {}
    for i, release in ipairs(remove) do
      names[i] = release.name
    end
    return #names > 0 and table.concat(names, " ") or nil
  end)
  for _, release in ipairs(remove) do
    local folder = get_dir(paths, release.name)
    local ok, err = pcall(function()
      host.fs:remove(folder .. "/.runbook.json") -- first: half of a release must not count as complete
      host.fs:remove(folder, { recursive = true })
      history.append(host, paths, { action = "prune", release = release.name, revision = release.marker.revision })
    end)
    if not ok and type(err) ~= "userdata" then
      error(err, 0)
    elseif not ok then
      -- The application of another admin may have written files that only that admin can remove.
      log.warn(folder .. " cannot be removed: " .. err.message)
    end
  end
  return found
end

-- LIST tells an admin how to see the releases.
local LIST = "runbook run recipes/status.lua lists the releases"

-- find returns the release with a name or path, or nil and the problem.
local function find(paths, found, wanted)
  local name = title(paths, wanted)
  local release = found.by_name[name]
  if name:find("/", 1, true) and not release then
    return nil, { wanted .. " is not in " .. paths.releases,
      "name a release by its name, or by its path: " .. paths.releases .. "/NAME" }
  elseif found.alias[name] then
    return nil, { paths.releases .. "/" .. name .. " is a link, not a release", LIST }
  elseif not release then
    return nil, { "there is no release " .. name, LIST }
  elseif not release.complete then
    return nil, { "release " .. name .. " is incomplete" .. (release.why and ": " .. release.why or ""), LIST }
  end
  return release
end

-- earlier returns the release that was current before the present one, or nil and the problem.
-- It skips releases that are gone, incomplete or failed, and those whose names are keys of but.
-- Where the log has no answer, it is the newest usable release with an older name.
local function earlier(found, but)
  local seen = {}
  local function usable(release)
    return release and release.complete and release.name ~= found.name and not found.failed[release.name]
      and not but[release.name]
  end
  local name = history.before(found.entries, found.name, but)
  while name and not seen[name] do
    if usable(found.by_name[name]) then
      return found.by_name[name]
    end
    seen[name] = true
    name = history.before(found.entries, name, but)
  end
  for _, release in ipairs(found.list) do
    if release.name < found.name and usable(release) then
      return release
    end
  end
  return nil, { "there is no release before " .. found.name .. " to go back to", LIST }
end

-- unfit returns the problem of a release that cannot be served.
local function unfit(name, why)
  return { "release " .. name .. " cannot be served: " .. why, "name another with --release; " .. LIST }
end

-- choose returns the release that a rollback goes to, or nil and the problem: the wanted one, or
-- the earlier one where wanted is "".
local function choose(paths, found, wanted)
  local release, problem
  if found.odd then
    return nil, { found.odd, "it must be a link to an absolute path" }
  elseif wanted ~= "" then
    release, problem = find(paths, found, wanted)
  elseif found.name then
    release, problem = earlier(found, {})
  else
    problem = { "no release is current, so there is none before it", "name one with --release; " .. LIST }
  end
  local why = release and lack(paths, release)
  if why then
    return nil, unfit(release.name, why)
  end
  return release, problem
end

-- returns gives the reason in the log against a release as the target of a rollback, or nil: a host
-- went back from it, or an earlier rollback left it.
local function returns(found, release)
  local left = history.left(found.entries)
  local entry = left[release.name]
  if found.failed[release.name] then
    return "failed on a host of its last run"
  elseif not entry then
    return nil
  end
  local ago = helpers.elapsed(entry.at)
  local further = found.name and earlier(found, left)
  return "was rolled back" .. (ago ~= "" and " " .. ago .. " ago" or "") .. ", to " .. entry.release ..
    (further and " (--release " .. further.name .. " goes further back)" or "")
end

-- is_out reports whether a run left a host out of service. The next release or rollback takes it
-- out again and puts it back.
local function is_out(found)
  return found.drained ~= nil and app.drain ~= nil
end

-- leftovers returns the paths that killed runs left, and none while a run holds the lock. The mark
-- of a drained host is a leftover where app.lua no longer has drain, because nothing else would
-- remove it. Incomplete releases are not leftovers: prune deletes them a day later, so that
-- somebody can look at them.
local function leftovers(paths, found)
  if found.holder then
    return {}
  end
  local left = { unpack(found.leftovers) }
  left[#left + 1] = found.drained and not is_out(found) and paths.drained or nil
  return left
end

-- remove_leftovers removes these paths. The caller holds the lock.
local function remove_leftovers(host, left)
  if #left > 0 then
    host:plan("leftovers", function() return "remove what a killed run left: " .. table.concat(left, " ") end)
    step("remove what a killed run left", { required = true }, function()
      for _, path in ipairs(left) do
        host.fs:remove(path, { recursive = true })
      end
    end)
  end
end

-- discard_on_failure removes a folder that is about to be made, if this host fails before the
-- folder contains the file marker. Where that is impossible, as after a lost connection, the next
-- release does it.
local function discard_on_failure(host, folder, marker)
  host:on_failure({ timeout = "300s" }, function()
    local ok, err = pcall(function()
      -- While the connection was lost, another run may have completed it.
      if host.fs:exists(folder) and not host.fs:exists(folder .. "/" .. marker) then
        host.fs:remove(folder, { recursive = true })
        log.info("removed " .. folder .. ", which was not complete")
      end
    end)
    if not ok then
      log.warn(folder .. " is incomplete and could not be removed: " .. tostring(err))
    end
  end)
end

-- link_shared links each name in shared = { … } of app.lua from ROOT/shared into the release. A
-- file of the repository with such a name remains, with a warning.
local function link_shared(host, release)
  host:plan("shared", function()
    return #app.shared > 0 and "links to " .. table.concat(app.shared, ", ") or nil
  end)
  for _, entry in ipairs(app.shared) do
    local name = common.shared_name(entry)
    local kept, place = release.paths.shared .. "/" .. name, release.dir .. "/" .. name
    local through = helpers.record(host:script("first_link.sh", release.dir, name, { changes = false }).stdout)
    if through then
      fail(through .. " is a link in the repository, so " .. name .. " is not linked through it to " .. kept,
        "name " .. through .. " itself in shared = { … }, or make it a folder in the repository")
    elseif host.fs:exists(place) then
      log.warn(name .. " is in the repository, so it is not linked to " .. kept)
    else
      if not host.fs:exists(kept) then
        log.warn(kept .. " does not exist yet; the release has a link to it")
      end
      host.fs:mkdir(place:match("^(.*)/"))
      host.fs:symlink(kept, place)
    end
  end
end

-- shared_folders returns the folders that setup makes: ROOT/shared, and those of app.lua in it.
local function shared_folders(paths)
  local list = { paths.shared }
  for _, entry in ipairs(app.shared) do
    if entry:sub(-1) == "/" then -- a folder
      list[#list + 1] = paths.shared .. "/" .. common.shared_name(entry)
    end
  end
  return list
end

return {
  paths = get_paths, dir = get_dir, name_of = name_of, is_name = is_name, title = title,
  is_foreign = is_foreign, new = new, share = share, look = look, lack = lack, current = current,
  choose = choose, unfit = unfit,
  returns = returns, is_out = is_out,
  leftovers = leftovers, remove_leftovers = remove_leftovers, prune = prune, discard_on_failure = discard_on_failure,
  link_shared = link_shared, shared_folders = shared_folders, history = history,
  settings = settings, REQUIREMENTS = REQUIREMENTS,
}
