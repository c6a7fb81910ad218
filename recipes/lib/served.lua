-- Proof of what is served. A server that resolved ROOT/current once goes on serving the old release whatever the link
-- says; the kernel knows better: a daemon process of mod_wsgi-express starts in the release that it serves.

local layout = require "layout"
local mod_wsgi = require "mod_wsgi"

-- The processes of the server whose process id is in the file: itself and its children, each with the folder that it works
-- in. One of another user's doesn't tell.
local PROCESSES = [[
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

-- in_releases returns those of them that work in a release.
local function in_releases(found, paths)
  local serving = {}
  for _, process in ipairs(found) do
    if process.folder:sub(1, #paths.releases + 1) == paths.releases .. "/" then
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

-- problem says why the server isn't known to serve dir, or nil: some process of it must work there, and none in another
-- release. Nothing is said where processes don't tell.
local function problem(host, paths, file, dir)
  local found = processes(host, file)
  local serving = in_releases(found, paths)
  for _, process in ipairs(serving) do
    if process.folder ~= dir then
      return "still serves another release:\n" .. text(serving)
    end
  end
  return #serving == 0 and not found.hidden and text(serving) or nil
end

-- pid_file is where mod_wsgi-express keeps its process id.
local function pid_file(options)
  return mod_wsgi.server_root(options) .. "/httpd.pid"
end

-- by_mod_wsgi is problem for mod_wsgi-express.
local function by_mod_wsgi(host, options, dir)
  return problem(host, layout.of(options), pid_file(options), dir)
end

-- evidence is what an admin wants to see of a server that isn't well: where the link leads, where its processes work, and
-- the end of its error log.
local function evidence(host, options)
  local paths, log = layout.of(options), mod_wsgi.server_root(options) .. "/error_log"
  local lines = {
    paths.current .. " leads to " .. host:capture({ "readlink", paths.current }, { check = false }),
    text(in_releases(processes(host, pid_file(options)), paths)),
  }
  local errors = host:capture({ "tail", "-n", "50", log }, { check = false })
  if errors ~= "" then
    lines[#lines + 1] = "the last lines of " .. log .. ":\n" .. errors
  end
  return table.concat(lines, "\n")
end

return { problem = problem, by_mod_wsgi = by_mod_wsgi, evidence = evidence }
