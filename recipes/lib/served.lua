-- Proof of what is served. A server that resolved ROOT/current once goes on serving the old release whatever the link
-- says; the kernel knows better: a daemon process of mod_wsgi-express starts in the release that it serves.

-- PROCESSES lists the processes of the server whose process id is in a file: itself and its children, each with its age in
-- seconds, whether it is a daemon process of mod_wsgi, and the folder that it works in, which a process of another user does
-- not tell. After a reboot the number may belong to another program, so its command line must name the folder of the file,
-- where that is asked for. Arguments: the file, "own" for that, and folders, which are printed as the kernel names them.
local PROCESSES = [[
# list what serves
[ -r /proc/self/stat ] || { echo unknown; exit 0; }
file=$1 own=$2
shift 2
for folder in "$@"; do
  printf 'folder\t%s\t%s\n' "$folder" "$(cd -P -- "$folder" 2>/dev/null && pwd -P)"
done
server=$(cat "$file" 2>/dev/null) && [ -n "$server" ] || exit 0
title() { tr '\0\n\t' '   ' < "/proc/$1/cmdline" 2>/dev/null; }
[ "$own" != own ] || [ ! -r "/proc/$server/cmdline" ] || case $(title "$server") in *"${file%/*}"*) ;; *) exit 0 ;; esac
read -r up rest < /proc/uptime
ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
for stat in /proc/[0-9]*/stat; do
  read -r line 2>/dev/null < "$stat" || continue
  pid=${line%% *}
  set -- ${line##*) }
  [ "$pid" = "$server" ] || [ "$2" = "$server" ] || continue
  [ "$1" != Z ] || continue
  case $(title "$pid") in '(wsgi:'*) kind=daemon ;; *) kind=other ;; esac
  printf 'process\t%s\t%s\t%s\t%s\n' "$pid" "$((${up%%.*} - ${20} / ticks))" "$kind" \
    "$(readlink "/proc/$pid/cwd" 2>/dev/null | tr -d '\n\t')"
done
]]

-- processes returns the processes of a server, each { pid, age, daemon, folder }, by the file that holds its process id.
-- folders has what the kernel calls the folders that are named. hidden says that there are processes, or may be, which do
-- not tell where they work.
local function processes(host, file, own, ...)
  local text = host:capture({ "sh", "-c", PROCESSES, "sh", file, own and "own" or "", ... })
  local found = { hidden = text == "unknown", folders = {} }
  for line in text:gmatch("[^\n]+") do
    local name, path = line:match("^folder\t([^\t]*)\t(.*)$")
    local pid, age, kind, folder = line:match("^process\t(%d+)\t(%-?%d+)\t(%a+)\t(.*)$")
    if name then
      found.folders[name] = path ~= "" and path or name
    elseif pid then
      found[#found + 1] = { pid = pid, age = math.max(0, tonumber(age)), daemon = kind == "daemon", folder = folder }
      found.hidden = found.hidden or folder == ""
    end
  end
  return found
end

-- in_releases returns those of them that work in a release: in one of the folders that hold releases.
local function in_releases(found, ...)
  local serving = {}
  for _, process in ipairs(found) do
    for _, releases in ipairs({ ... }) do
      if process.folder:sub(1, #releases + 1) == releases .. "/" then
        serving[#serving + 1] = process
        break
      end
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
-- in another release. Nothing is said where processes don't tell. file is the one that holds the server's process id, and
-- releases the folder of other releases, where that is not the one that dir is in.
local function problem(host, file, dir, releases)
  releases = releases or dir:match("^(.*)/")
  local found = processes(host, file, false, dir, releases)
  local own = found.folders[dir]
  local serving = in_releases(found, found.folders[releases], own:match("^(.*)/"))
  for _, process in ipairs(serving) do
    if process.folder ~= own then
      return "still serves another release:\n" .. text(serving)
    end
  end
  return #serving == 0 and not found.hidden and text(serving) or nil
end

-- where says where the processes of a server work, for an admin.
local function where(host, file, releases)
  local found = processes(host, file, false, releases)
  return text(in_releases(found, found.folders[releases]))
end

-- ORPHANS defines end_orphans in a script, which ends what an Apache that was killed left running: its children go on serving, and
-- keep its port. It is called when the server itself is gone. Only Apache's own program counts, started with the configuration
-- file that is the argument, by the same user and with the same view of the file system. Daemon processes finish their
-- requests within 3 seconds. A worker process of Apache 2.4 heeds no TERM without its parent, so that it is killed.
local ORPHANS = [[
send() { for orphan in $orphans; do kill "$1" "$orphan" 2>/dev/null && sent=yes; done; }
end_orphans() {
  orphans='' n=0 user=$(id -u) view=$(readlink /proc/self/ns/mnt)
  for dir in /proc/[0-9]*; do
    [ "$user" = 0 ] || [ -O "$dir" ] || continue
    case $(readlink "$dir/exe" 2>/dev/null) in */apache2 | */httpd | */apache2\ * | */httpd\ *) ;; *) continue ;; esac
    [ "$(readlink "$dir/ns/mnt")" = "$view" ] || continue
    case " $(tr '\0' ' ' < "$dir/cmdline" 2>/dev/null)" in *" -f $1 "*) orphans="$orphans ${dir#/proc/}" ;; esac
  done
  [ -n "$orphans" ] || return 0
  echo "ended process$orphans"
  send -TERM
  while sent=; send -0; [ -n "$sent" ] && [ $n -lt 15 ]; do sleep 0.2; n=$((n + 1)); done
  send -KILL
  return 0
}
]]

-- look returns what a server of mod_wsgi does, by the file that holds its process id: running; count, its processes that
-- serve; age, that of the oldest of them in seconds; hidden; and folders, what they serve, by the given names where these are
-- among them.
local function look(host, file, ...)
  local found = processes(host, file, true, ...)
  local names, seen = {}, {}
  for name, path in pairs(found.folders) do
    names[path] = name
  end
  local on = { running = #found > 0, hidden = found.hidden, count = 0, age = 0, folders = {} }
  for _, process in ipairs(found) do
    local name = names[process.folder]
    if process.daemon or name then
      on.count, on.age = on.count + 1, math.max(on.age, process.age)
      name = name or process.folder
      if name ~= "" and not seen[name] then
        seen[name] = true
        on.folders[#on.folders + 1] = name
      end
    end
  end
  table.sort(on.folders)
  return on
end

return { problem = problem, where = where, look = look, ORPHANS = ORPHANS }
