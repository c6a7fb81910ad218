package ssh

// keep is the script of a keeper. It takes the lock and then reads its stdin: "group N" names a process group that ends with
// it, "gone N" one that has ended, "bye" is the farewell; "alive" says nothing but that somebody is there. When stdin ends
// without a farewell, whoever held the lock is dead: what it left running is ended first, and then the lock goes, with
// this process. Nothing that the keeper starts may inherit the lock (9>&-).
//
// A network that is cut says nothing, and sshd may wait for hours. So no line for $silence seconds is an end, too. read -t
// isn't in every shell; timeout(1) is on every Linux, and where it isn't the end of stdin has to do. It starts a shell a line, which
// is cheap enough: lines come only with commands that have a session of their own, and as signs of life.
//
// The file may be anybody's. It is opened once, and what was opened is looked at before anything is written: a regular file with
// one name, of the user, root, or, unless the user is root, the folder's owner. A link is not followed, and <> does not wait for the other end of a
// fifo. From then on only the descriptor counts. What the file says is cut to one clean line. Each answer
// begins with $mark, which no file's content knows.
const keep = `trap '' HUP PIPE
groups=' '
say() { printf '%s %s\n' "$mark" "$1"; }
refuse() { say "closed $1"; exit 0; }
command -v flock >/dev/null 2>&1 || { say 'none'; exit 0; }
[ ! -L "$file" ] || refuse 'it is a link'
[ -f "$file" ] || [ ! -e "$file" ] || refuse 'it is not a regular file'
{ command exec 9<>"$file"; } 2>/dev/null || refuse "$( ( : 9<>"$file" ) 2>&1 )"
open=/proc/self/fd/9
opened=$(stat -L -c %d:%i "$open" 2>/dev/null) || refuse 'stat(1) or /proc is missing on the host'
case "$(stat -c '%d:%i %f %h' "$file")" in
  "$opened 8"???' 1') ;;
  "$opened 8"*) refuse 'it has another name, too (a hard link)' ;;
  "$opened "*) refuse 'it is not a regular file' ;;
  *) refuse 'it was replaced meanwhile' ;;
esac
case $file in */*) folder=${file%/*}/ ;; *) folder=. ;; esac
me=$(id -u) owner=$(stat -L -c %u "$open")
[ "$owner" = "$me" ] || case $me:$owner in
  0:*) refuse 'it belongs to another user' ;;
  *:0 | *:"$(stat -c %u "$folder")") ;;
  *) refuse 'it belongs to another user' ;;
esac
n=0
while :; do
  flock -n 9; s=$?
  [ $s -eq 0 ] && break
  [ $s -eq 1 ] || { say "broken $s"; exit 0; }
  say "held $(head -c 200 <"$open" | head -n 1 | LC_ALL=C tr -d '\n' | LC_ALL=C tr '\000-\037\177' '?')"
  [ $n -ge $wait ] && { say 'over'; exit 0; }
  n=$((n+1))
  sleep 1 9>&-
done
printf '%s\n' "$holder" >"$open"
say 'taken'
limit=
[ "$silence" -gt 0 ] && command -v timeout >/dev/null 2>&1 && limit="timeout $silence"
while line=$(exec 2>/dev/null 9>&-; exec $limit /bin/sh -c 'read -r line && echo "$line"'); do
  case $line in
    group\ *) groups="$groups${line#* } " ;;
    gone\ *)
      number=${line#* }
      case $groups in *" $number "*) groups="${groups%% $number *} ${groups#* $number }" ;; esac ;;
    bye) : >"$open"; exit 0 ;;
  esac
done
for g in $groups; do endgroup "$g" 9>&-; done
: >"$open"
`
