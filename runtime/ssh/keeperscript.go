package ssh

// keep is the script of a keeper. It takes the lock and then reads its stdin: "group N" names a process group that ends with
// it, "gone N" one that has ended, "bye" is the farewell; "alive" says nothing but that somebody is there. When stdin ends
// without a farewell, whoever held the lock is dead: what it left running is ended first, and then the lock goes, with
// this process. Nothing that the keeper starts may inherit the lock (9>&-).
//
// A network that is cut says nothing, and sshd may wait for hours. So no line for $silence seconds is an end, too. read -t
// isn't in every shell; timeout(1) is on every Linux, and where it isn't the end of stdin has to do. It starts a shell a line, which
// is cheap enough: lines come only with commands that have a session of their own, and as signs of life.
const keep = `trap '' HUP PIPE
groups=' '
command -v flock >/dev/null 2>&1 || { echo 'none'; exit 0; }
[ ! -L "$file" ] || { echo 'closed it is a link'; exit 0; }
( : >>"$file" ) 2>/dev/null || { echo "closed $( ( : >>"$file" ) 2>&1 )"; exit 0; }
exec 9>>"$file"
n=0
while :; do
  flock -n 9; s=$?
  [ $s -eq 0 ] && break
  [ $s -eq 1 ] || { echo "broken $s"; exit 0; }
  echo "held $(cat "$file" 9>&-)"
  [ $n -ge $wait ] && { echo 'over'; exit 0; }
  n=$((n+1))
  sleep 1 9>&-
done
printf '%s\n' "$holder" >"$file"
echo 'taken'
limit=
[ "$silence" -gt 0 ] && command -v timeout >/dev/null 2>&1 && limit="timeout $silence"
while line=$(exec 2>/dev/null 9>&-; exec $limit /bin/sh -c 'read -r line && echo "$line"'); do
  case $line in
    group\ *) groups="$groups${line#* } " ;;
    gone\ *)
      number=${line#* }
      case $groups in *" $number "*) groups="${groups%% $number *} ${groups#* $number }" ;; esac ;;
    bye) : >"$file"; echo 'bye'; exit 0 ;;
  esac
done
for g in $groups; do endgroup "$g" 9>&-; done
: >"$file"
`
