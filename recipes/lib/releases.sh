#!/bin/sh
# Lists what is in ROOT, each a record of these fields:
#   link TARGET     where current points            odd             current exists and is not a link
#   outside FOLDER  a folder outside releases/      lacks NAME WHAT DETAIL   why a release cannot be served
#   complete NAME COMMIT CHECKSUM MARKER            incomplete NAME          a release without .runbook.json
#   old NAME        a release older than a day      alias NAME      a link in releases/, which is never followed
#   venvs           releases share virtualenvs      held HOLDER     who holds the lock
#   log TEXT        the end of releases.log: at most 1,000 lines and 1 MiB, whatever is in the file
#   drained         the host is out of service      left PATH       what a killed run left: temporary files, unfinished virtualenvs
# COMMIT is what is checked out, CHECKSUM that of the requirements file or "unknown", MARKER the
# text of .runbook.json. Whoever can write in ROOT decides what its files contain, so each is read
# only as far as needed, and never through a link. Arguments: ROOT, "link" for the log and where current
# points alone or "all", the WSGI script or "", and folders outside releases/ that may be releases of
# another tool.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
root=$1 what=$2 wsgi=$3
shift 3
newline='
'
lacks() {
  if [ ! -d "$1/venv" ]; then say lacks "$1" venv
  elif [ ! -x "$1/venv/bin/python" ] || [ -d "$1/venv/bin/python" ]; then
    say lacks "$1" python "$(readlink "$1/venv/bin/python")"
  else
    python=$(readlink -f "$1/venv/bin/python"); python=${python##*/}
    case $python in python3.[0-9] | python3.[0-9][0-9])
      [ -d "$1/venv/lib/$python" ] || say lacks "$1" packages "$python"
    esac
  fi
  [ -z "$wsgi" ] || [ -f "$1/$wsgi" ] || say lacks "$1" wsgi "$wsgi"
}
# Each $( ) here costs one process: there are many releases. It drops NULs.
head_of() { # sets head
  head=
  [ ! -f "$1/.git/HEAD" ] || [ -L "$1/.git/HEAD" ] || head=$(head -c 41 "$1/.git/HEAD")
}
checksum() { # sets sum
  sum=unknown
  [ -f "$1/.git/runbook-requirements" ] && [ -n "$sha256sum" ] || return 0
  sum='' file=$(head -c 4096 "$1/.git/runbook-requirements")
  case $file in '') return ;; /*) ;; *) file=$1/$file ;; esac
  [ ! -f "$file" ] || { sum=$(sha256sum <"$file"); sum=${sum%% *}; }
}
cd "$root" 2>/dev/null || exit 0
if [ -L current ]; then
  target=$(readlink -n current; echo .) # the dot keeps newlines at the end
  target=${target%?}
  # A release counts by what its path is, not by its text: ROOT may contain links, and current may
  # name its real path.
  case $target in "$root"/releases/*) ;; /*)
    real=$(cd -P -- "$target" 2>/dev/null && pwd -P)
    [ -z "$real" ] || [ "${real%/*}" != "$(cd -P releases 2>/dev/null && pwd -P)" ] || target=$root/releases/${real##*/}
  esac
  say link "$target"
  set -- "$@" "$target"
elif [ -e current ]; then say odd
fi
[ ! -f releases.log ] || [ -L releases.log ] || say log "$(tail -c 1048576 releases.log | tail -n 1000)"
[ "$what" = all ] || exit 0
[ ! -d venvs ] || say venvs
for folder in "$@"; do
  folder=${folder%%/}
  case $folder in /*) [ ! -d "$folder" ] || {
    say outside "$folder"
    [ -z "$wsgi" ] || lacks "$folder" # without a WSGI script, how it is served is unknown
  } ;; esac
done
# The lock file names its holder. A name written before the host booted belongs to a run that died
# with the host.
if [ -s .runbook.lock ] && [ -f .runbook.lock ] && [ ! -L .runbook.lock ]; then
  { read -r up _ </proc/uptime; } 2>/dev/null && [ -n "$(find .runbook.lock -mmin "+$((${up%%.*} / 60 + 1))")" ] || {
    holder=$(head -c 200 .runbook.lock)
    say held "${holder%%"$newline"*}"
  }
fi
[ ! -f .runbook.drained ] || say drained
for folder in . releases venvs server; do
  for item in "$folder"/.*.runbook-?????????? "$folder"/.*.runbook-????????????; do
    [ ! -e "$item" ] && [ ! -L "$item" ] || say left "${item#./}"
  done
done
for item in repo.git.new repo.git.old; do [ ! -d "$item" ] || say left "$item"; done
for venv in venvs/*; do
  [ -d "$venv" ] && [ ! -L "$venv" ] && [ ! -e "$venv/.runbook-complete" ] || continue
  here=$(cd -P -- "$venv" && pwd -P) || continue
  for link in releases/*/venv; do
    [ "$(cd -P -- "$link" 2>/dev/null && pwd -P)" = "$here" ] && continue 2
  done
  say left "$venv"
done
cd releases 2>/dev/null || exit 0
find . ! -name . -prune -type d -mmin +1440 | while IFS= read -r name; do say old "${name#./}"; done
sha256sum=$(command -v sha256sum)
for name in *; do
  if [ -L "$name" ]; then say alias "$name"
  elif [ -d "$name" ]; then
    if [ -f "$name/.runbook.json" ] && [ ! -L "$name/.runbook.json" ]; then
      head_of "$name"
      checksum "$name"
      say complete "$name" "$head" "$sum" "$(head -c 65537 "$name/.runbook.json")"
      lacks "$name"
    else say incomplete "$name"
    fi
  fi
done
