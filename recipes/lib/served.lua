-- Proof of what is served. A server that resolved ROOT/current once goes on serving the old release whatever the link
-- says; the kernel knows better: a daemon process of mod_wsgi-express starts in the release that it serves.

-- The processes of the server whose process id is in the file: itself and its children, each with the folder that it works
-- in. One of another user's doesn't tell.
local PROCESSES = [[
# list what serves
[ -r /proc/self/stat ] || { echo unknown; exit 0; }
server=$(cat "$1" 2>/dev/null) && [ -n "$server" ] || exit 0
for file in /proc/[0-9]*/stat; do
  read -r line 2>/dev/null < "$file" || continue
  pid=${line%% *}
  set -- ${line##*) }
  [ "$pid" = "$server" ] || [ "$2" = "$server" ] || continue
  printf '%s\t%s\n' "$pid" "$(readlink "/proc/$pid/cwd" 2>/dev/null)"
done
]]

-- processes returns the processes of a server, each { pid, folder }, by the file that holds its process id. hidden says that
-- there are some, or may be, which don't tell where they work.
local function processes(host, file)
  local text = host:capture({ "sh", "-c", PROCESSES, "sh", file })
  local found = { hidden = text == "unknown" }
  for pid, folder in text:gmatch("(%d+)\t([^\n]*)") do
    found[#found + 1] = { pid = pid, folder = folder }
    found.hidden = found.hidden or folder == ""
  end
  return found
end

-- in_releases returns those of them that work in a release, in the folder that holds the releases.
local function in_releases(found, releases)
  local serving = {}
  for _, process in ipairs(found) do
    if process.folder:sub(1, #releases + 1) == releases .. "/" then
      serving[#serving + 1] = process
    end
  end
  return serving
end

-- text lists processes.
local function text(found)
  local words = {}
  for i, process in ipairs(found) do
    words[i] = "process " .. process.pid .. " in " .. process.folder
  end
  return #words > 0 and table.concat(words, "\n") or "no process works in a release"
end

-- problem says why the server isn't known to serve the release in dir, or nil: some process of it must work there, and none
-- in another release. Nothing is said where processes don't tell. file is the one that holds the server's process id.
local function problem(host, file, dir)
  local found = processes(host, file)
  local serving = in_releases(found, dir:match("^(.*)/"))
  for _, process in ipairs(serving) do
    if process.folder ~= dir then
      return "still serves another release:\n" .. text(serving)
    end
  end
  return #serving == 0 and not found.hidden and text(serving) or nil
end

-- where says where the processes of a server work, for an admin.
local function where(host, file, releases)
  return text(in_releases(processes(host, file), releases))
end

return { problem = problem, where = where }
