-- ROOT/releases.log: what was done with the releases of a host, one JSON object per line.

local helpers = require "helpers"

-- USER@MACHINE of whoever runs this; nil until me is called.
local who

-- me returns USER@MACHINE of whoever runs this recipe. It is a label and never fails: a user without
-- a name has their number.
local function me()
  if not who then
    local user = os.getenv("USER") or os.getenv("LOGNAME") or localhost:capture({ "id", "-un" }, { check = false })
    if user == "" then
      user = localhost:capture({ "id", "-u" }, { check = false })
    end
    who = user .. "@" .. localhost:capture({ "uname", "-n" }, { check = false })
  end
  return who
end

-- READ prints the end of the log: at most 1,000 lines and 1 MiB, whatever is in the file.
local READ = '[ ! -f "$1" ] || [ -L "$1" ] || tail -c 1048576 "$1" | tail -n 1000'

-- append adds a line. entry has action ("release", "rollback", "prune" or "restore"), release,
-- revision, and from: the release that was current before, "" for none.
local function append(host, paths, entry)
  host:plan("releases.log", function() return nil end) -- a plan does not name the line of the log
  local line = json.encode({
    at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
    by = me(),
    action = entry.action,
    release = entry.release,
    revision = entry.revision or "",
    from = entry.from or "",
  })
  -- A run that was killed while writing leaves half a line, which must not swallow this one. The
  -- host compares the last byte, since capture trims spaces.
  if host:test({ "sh", "-c", '[ -n "$(tail -c 1 "$1" 2>/dev/null)" ]', "sh", paths.log }) then
    line = "\n" .. line
  end
  host.fs:write(paths.log, line .. "\n", { append = true })
end

-- try_append adds a line, or warns where that fails. It is for the way back, which must not end for a
-- line of the log.
local function try_append(host, paths, entry)
  local ok, err = pcall(append, host, paths, entry)
  if not ok then
    log.warn(entry.action .. " of " .. entry.release .. ": the log has no entry for it: " ..
      tostring(err.message or err))
  end
end

-- read returns the entries, oldest first. Invalid lines are skipped: others may write here, too.
local function read(host, paths)
  local text = host:capture({ "sh", "-c", READ, "sh", paths.log }, { check = false })
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
local function failed(entries)
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

-- left returns the entries of the last rollbacks by the names of the releases that they left. A
-- release that was made current again since does not count, and neither does the one that this left:
-- it took the rollback back.
local function left(entries)
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
-- nil. Releases in but, by name, do not count.
local function before(entries, name, but)
  for i = #entries, 1, -1 do
    local entry = entries[i]
    if is_switch(entry) and entry.release == name and entry.from ~= "" and entry.from ~= name and not but[entry.from] then
      return entry.from
    end
  end
  return nil
end

-- last returns the entry of the last switch, or nil. A switch is logged when the release serves:
-- where the link points elsewhere, a run was killed between the two.
local function last(entries)
  for i = #entries, 1, -1 do
    if is_switch(entries[i]) or entries[i].action == "restore" then
      return entries[i]
    end
  end
  return nil
end

-- finished reports whether the last switch was to the release called name and was completed.
local function finished(entries, name)
  local entry = last(entries)
  return entry ~= nil and is_switch(entry) and entry.release == name
end

return { me = me, append = append, try_append = try_append, read = read, failed = failed, left = left,
  before = before, last = last, finished = finished }
