#!/bin/bash
# Makes a repository FOLDER of a version before this one: older.sh FOLDER
#
# It has the files of the newest tag. A checkout in CI may be without tags, or be that tag itself. Then it has the files of this
# checkout, with a few lines as an older version might have had them: comments, a default, a step's title, an address.
set -euo pipefail
folder=$1
cd "$(dirname "$0")/../.."
git init -q "$folder"
tag=$(git tag --list 'v[0-9]*' --sort=-version:refname 2>/dev/null | grep -vm1 -- - || true)
if [ -n "$tag" ]; then
	git archive "$tag" | tar -xf - -C "$folder"
fi
if cmp -s recipes/release.lua "$folder/recipes/release.lua" || [ -z "$tag" ]; then
	tar --exclude=./.git -cf - . | tar -xf - -C "$folder"
	# change FILE EXPRESSION fails where sed changes nothing.
	change() {
		sed -i "$2" "$folder/$1"
		! cmp -s "$1" "$folder/$1" || { echo "$1 has nothing for $2 any more" >&2; exit 1; }
	}
	change recipes/release.lua 's/-- out of the load balancer.s service/-- remove it from the load balancer/'
	change recipes/release.lua '/^  python.import(host, release)/d'
	change recipes/app.lua 's/^  keep = 5, /  keep = 3, /'
	change recipes/lib/rollout.lua 's/step("verify"/step("look again"/'
	change hosts/production.lua 's/192\.0\.2\./198.51.100./'
fi
git -C "$folder" add -A
git -C "$folder" -c user.name=ci -c user.email=ci@localhost commit -qm "an older version"
