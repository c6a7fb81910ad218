#!/bin/bash
# What Ada types after the newer runbook was installed: next.sh VERSION
set -euxo pipefail
runbook version | grep -x "runbook $1"
export SECRET_KEY="nobody may see this key, the next"

# The upgrade brings everything that is new, and loses nothing of hers: what differs from a new project of the newer version are
# the lines that differed from one of the older version.
changes() { { diff "$@" || true; } | grep '^[<>]'; }
cp -r shop before
runbook init newer
cd shop
runbook init --upgrade | tee ../upgrade
for file in release.lua app.lua; do
	grep "^merged    recipes/$file" ../upgrade
	changes "../older/recipes/$file" "../before/recipes/$file" > ../hers
	changes "../newer/recipes/$file" "recipes/$file" | diff ../hers -
done
grep clear_cache recipes/release.lua
# What she did not touch is that of the newer version, and her own files are as they were.
diff -r ../newer/.runbook .runbook
diff -r -x .runbook -x hosts -x release.lua -x 'app*.lua' -x environment.lua ../newer .
for file in hosts recipes/app.staging.lua recipes/app.production.lua recipes/environment.lua; do diff -r "../before/$file" "$file"; done
runbook init --upgrade | grep '^nothing to do'
runbook check --strict recipes/*.lua

# serves ADDRESS RELEASE ORDERS fails unless a site of production and its worker serve a release.
serves() {
	test "$(curl -fsS -H "Host: www.example.com" "http://$1:8000/" "http://$1:8000/worker")" = "site $2, orders $3
worker $2"
}

# A second release, and back to the first.
(cd ~/code && git commit -q --allow-empty -m "Sell more" && git push -q origin main main:release)
runbook run release --stage production --dry-run
runbook run release --stage production --release two --yes
serves 192.0.2.11 two 4
serves 192.0.2.12 two 4
runbook run rollback --stage production --yes
serves 192.0.2.11 one 4
serves 192.0.2.12 one 4
runbook run status --stage production
