-- Who can change what root runs and reads in ROOT: whoever can decides what root does, so a login as root goes no further.

-- FIND says "foreign" of each thing, of at most 20, that another user than root can change, with its owner, its mode and its path:
-- ROOT and the server's root, each folder and link on the way to them, and what runbook runs and reads there. What is shared and what
-- the application writes in its releases are data. A folder such as /tmp, where nobody can rename what is another's, is a
-- safe way. It is a part of a script that has say, root and server_root, and does nothing where the login is not root.
local FIND = [[
on_the_way() {
  at=/ rest=$1 links=40
  printf '%s\0' /
  while rest=${rest#"${rest%%[!/]*}"}; [ -n "$rest" ]; do
    name=${rest%%/*} rest=${rest#"${rest%%/*}"}
    case $name in
      .) continue ;;
      ..) at=$(dirname -- "$at"); continue ;;
    esac
    next=${at%/}/$name
    [ -e "$next" ] || [ -L "$next" ] || return 0
    printf '%s\0' "$next"
    if [ -L "$next" ]; then
      links=$((links - 1))
      [ "$links" -gt 0 ] || return 0
      target=$(readlink "$next")
      case $target in /*) at=/ ;; esac
      rest=$target/$rest
    else
      at=$next
    fi
  done
}
in_use() {
  for item in "$root" "$server_root" "$root/current" "$root/releases.log" "$root/.runbook.lock" "$root/.runbook.drained" "$root/releases" \
    "$root"/releases/* "$root"/releases/*/.runbook.json "$root"/releases/*/.git "$root"/releases/*/.git/*; do
    printf '%s\0' "$item"
  done
}
# The expressions are words: open is what others can change, and way the same for where a folder such as /tmp is fine. Files that a root
# with umask 002 makes can be written by the group root.
open='( ! -user 0 -o ! -type l ( -perm -002 -o -perm -020 ! -group 0 ) ) -print'
way='( ! -user 0 -o ! -type l ! -perm -1000 ( -perm -002 -o -perm -020 ) ) -print'
look() { xargs -0 sh -c 'exec find "$@" -prune $0' "$1"; }
if [ "$(id -u)" = 0 ]; then
  { printf '/\0' | look "$open" && printf '/\0' | look "$way"; } >/dev/null || say foreign "- - find"
  {
    { on_the_way "$root"; on_the_way "$server_root"; } | look "$way"
    in_use | look "$open"
    find "$root/repo.git" "$root/venvs" "$root"/releases/*/venv $open
    find "$server_root" -type f ! -name '*_log*' $open
  } 2>/dev/null | head -n 20 | while read -r item; do
    say foreign "$(ls -ld -- "$item" | awk '{ print $3, $1 }') $item"
  done
fi
]]

-- problem returns what is wrong with what FIND said, a list of "OWNER MODE PATH"; nil for an empty one.
local function problem(foreign, root)
  if not foreign then
    return nil
  end
  local lines, owner, open, seen = {}, nil, {}, {}
  for _, line in ipairs(foreign) do
    local whose, mode, path = line:match("^(%S+) (%S+) (.*)$")
    if whose == "-" then
      return { "the login is root, and find or xargs on the host cannot say what others can change", "log in as another user, or install findutils" }
    elseif whose and not seen[path] and #lines < 5 then
      seen[path] = true
      if whose ~= "root" then
        owner = owner or whose
        lines[#lines + 1] = path .. " belongs to " .. whose
      else
        open[#open + 1] = quote(path)
        lines[#lines + 1] = path .. " can be written by others (" .. mode .. ")"
      end
    end
  end
  local what = table.concat(lines, ", ") .. ", and the login is root: others would decide what root runs"
  if owner then
    return { what, "log in as " .. owner .. " (user = in the hosts file); for root, move " .. root ..
      " away and let runbook make it again, since giving root what another has made would make root run it" }
  end
  return { what, "on the host, if you know who put there what is in it: chmod go-w " .. table.concat(open, " ") }
end

return { FIND = FIND, problem = problem }
