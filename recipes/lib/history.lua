-- ROOT/releases.log: what was done with the releases of a host, one JSON object a line.

local lines = require "lines"

-- who is doing this, asked for once.
local who

-- me returns USER@MACHINE of whoever runs this.
local function me()
  if not who then
    local user = os.getenv("USER") or os.getenv("LOGNAME") or localhost:capture({ "id", "-un" })
    who = user .. "@" .. localhost:capture({ "uname", "-n" })
  end
  return who
end

-- READ prints the end of the log: at most 1,000 lines, and no more than 1 MiB of whatever is written there.
local READ = '[ ! -f "$1" ] || [ -L "$1" ] || tail -c 1048576 "$1" | tail -n 1000'

-- append adds a line. entry has action ("release", "rollback", "prune" or "restore"), release, revision, and from:
-- the release that was current before, "" for none.
local function append(host, paths, entry)
  local line = json.encode({
    at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
    by = me(),
    action = entry.action,
    release = entry.release,
    revision = entry.revision or "",
    from = entry.from or "",
  })
  -- A run that died while it wrote leaves half a line, which must not swallow this one.
  if host:capture({ "tail", "-c", "1", paths.log }, { check = false }) ~= "" then
    line = "\n" .. line
  end
  host.fs:write(paths.log, line .. "\n", { append = true })
end

-- read returns the entries, oldest first. Lines that are no such entry are passed over: others may write here too.
local function read(host, paths)
  local text = host:capture({ "sh", "-c", READ, "sh", paths.log }, { check = false })
  local entries = {}
  for line in lines.each(text) do
    local ok, entry = pcall(json.decode, line)
    if ok and type(entry) == "table" and type(entry.action) == "string" and type(entry.release) == "string" then
      entry.from = type(entry.from) == "string" and entry.from or ""
      entry.revision = type(entry.revision) == "string" and entry.revision or nil
      entries[#entries + 1] = entry
    end
  end
  return entries
end

-- is_switch says whether an entry made its release the current one because somebody wanted it.
local function is_switch(entry)
  return entry.action == "release" or entry.action == "rollback"
end

-- failed returns the releases, by name, that failed on a host of a run and that have not served on this one since.
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

-- before returns what was current before a release was switched to the last time, or nil.
local function before(entries, name)
  for i = #entries, 1, -1 do
    local entry = entries[i]
    if is_switch(entry) and entry.release == name and entry.from ~= "" and entry.from ~= name then
      return entry.from
    end
  end
  return nil
end

-- last returns the entry that says what was made current last, or nil. A switch is noted when the release serves: where the link
-- leads elsewhere, a run died between the two.
local function last(entries)
  for i = #entries, 1, -1 do
    if is_switch(entries[i]) or entries[i].action == "restore" then
      return entries[i]
    end
  end
  return nil
end

-- finished says whether the last switch was to the release of that name, and came to its end.
local function finished(entries, name)
  local entry = last(entries)
  return entry ~= nil and is_switch(entry) and entry.release == name
end

return { me = me, append = append, read = read, failed = failed, before = before, last = last, finished = finished }
