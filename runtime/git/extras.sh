#!/bin/sh
# Usage: extras DIR
#
# Prints what a clone has besides files, one a line: "submodule", its path, commit and URL ("" without one in .gitmodules);
# "lfs" and the number of files that are pointers into Git LFS; "filter" for files with another filter.
#
# The line in .git/info/attributes that turns filters off would hide them here. Listing files runs no filter.
#
# shellcheck disable=SC2154 # $d comes from temp, in prelude.sh
cd -- "$1" || exit 95
temp
git() { safely -c core.quotePath=false "$@"; }
mv .git/info/attributes "$d/attributes" || exit
git ls-files -z -- ':(attr:filter=lfs)' | xargs -0 grep -ls '^version https://git-lfs.github.com/spec/' /dev/null >"$d/pointers"
others=$(git ls-files -z | git check-attr -z --stdin filter | tr '\n\000' '?\n' | awk 'NR % 3 == 1 { path = $0 } NR % 3 == 0 && !/^(unspecified|unset|lfs)$/ { print path; exit }')
cat "$d/attributes" >.git/info/attributes || exit
[ ! -s "$d/pointers" ] || printf 'lfs\t%d\n' "$(wc -l <"$d/pointers")"
[ -z "$others" ] || printf 'filter\t%s\n' "$others"
git ls-files -s | sed -n 's/^160000 \([0-9a-f]*\) 0	/\1	/p' | while IFS='	' read -r commit path; do
	url=
	for key in $(git config --file .gitmodules --name-only --get-regexp '^submodule\..*\.path$' | tr ' ' '\001'); do
		key=$(printf '%s\n' "$key" | tr '\001' ' ')
		[ "$(git config --file .gitmodules --get "$key")" != "$path" ] || url=$(git config --file .gitmodules --get "${key%.path}.url")
	done
	printf 'submodule\t%s\t%s\t%s\n' "$path" "$commit" "$url"
done
