#!/bin/bash
# What Ada types on her machine with the older runbook, as README.md and the cookbook teach it: first.sh OLDER_VERSION
set -euxo pipefail
runbook version | grep -x "runbook $1"
export SECRET_KEY="nobody may see this key: $$"

# The application
git config --global user.name Ada
git config --global user.email ada@example.com
git config --global init.defaultBranch main
ssh-keyscan -t ed25519 git.example.com >> ~/.ssh/known_hosts
cd ~/code
git init -q
git add .
git commit -qm "The shop"
git remote add origin ssh://git@git.example.com/~/shop.git
git push -q origin main main:release
cd

# The project: hosts, stages, settings, hooks, and a step in release.lua
runbook init older # stays as it is
runbook init shop
cd shop
cat > hosts/production.lua <<'END'
return {
  user = "deploy", sudo = "passwordless",
  { name = "web1", address = "192.0.2.11", tags = { "web" } },
  { name = "web2", address = "192.0.2.12", tags = { "web" } },
}
END
cat > hosts/staging.lua <<'END'
return {
  user = "deploy", sudo = "passwordless",
  { name = "staging", address = "192.0.2.31" },
}
END
cat > recipes/app.production.lua <<'END'
return {
  confirm = true,
}
END
cat > recipes/app.staging.lua <<'END'
return {
  branch = "main",
  health_host = "staging.example.com",
}
END
cat > pool <<'END'
local workers = require("workers").pool({
  name = "celery", command = { "venv/bin/celery", "--app", "shop", "worker" },
  env_file = "/srv/app/shared/env", within = "10m",
})

END
cat > hooks <<'END'
  env = { SECRET_KEY = secret.env("SECRET_KEY"), DATABASE = "/srv/database/db.sqlite3" },
  before_switch = require("django").project({}).before_switch,
  restart = require("systemd").service({
    name = "app", listen = 8000, type = "notify", env_file = "/srv/app/shared/env",
    command = { "venv/bin/gunicorn", "--workers", "4", "wsgi:application" },
  }).restart,
  health = "/", health_host = "www.example.com",
  drain = workers.drain, after_switch = workers.start, restore = workers.restore,
END
cat > step <<'END'
  step("clear the cache", function()
    host:run({ release.python, "manage.py", "clear_cache" }, { cwd = release.dir, env = release.env })
  end)
END
sed -i -e '/^-- local haproxy = /r pool' -e '/^return {/r hooks' -e '/^  restart = "touch"/d' \
	-e 's|^  repo = .*|  repo = "ssh://git@git.example.com/~/shop.git",|' -e 's|^  key = {},|  key = { "~/.ssh/deploy" },|' recipes/app.lua
sed -i '/^  health.check(host, release)/r step' recipes/release.lua
rm pool hooks step
runbook check --strict recipes/*.lua


# The servers. Their keys are unknown at first: each message has the command that accepts one.
runbook hosts --ping > ping 2>&1 && exit 1
runbook hosts --ping --stage staging >> ping 2>&1 && exit 1
sed -n 's/.*only if it is the same, accept it: //p' ping | sh -ex
rm ping
runbook hosts --ping
for stage in staging production; do
	runbook exec --stage $stage -- sudo install -d -o deploy /srv/app
	runbook run setup --stage $stage --unit --yes
done
cat > recipes/environment.lua <<'END'
recipe { summary = "write the environment of the application", hosts = "production" }

each(hosts, function(host)
  host:file("/srv/app/shared/env", {
    text = "SECRET_KEY='" .. secret.env("SECRET_KEY") .. "'\nDATABASE=/srv/database/db.sqlite3\n", mode = "0600", secret = true,
  })
end)
END
runbook check --strict recipes/environment.lua
runbook run environment --stage staging
runbook run environment --stage production

# serves STAGE ADDRESS RELEASE ORDERS fails unless a site and its worker serve a release.
serves() {
	test "$(curl -fsS -H "Host: $1.example.com" "http://$2:8000/" "http://$2:8000/worker")" = "site $3, orders $4
worker $3"
}

# The release of a branch to staging, then of its commit to production. The migrations run once for both servers.
runbook run release --stage staging --dry-run
runbook run release --stage staging --release one
serves staging 192.0.2.31 one 1
commit=$(git -C ~/code rev-parse main)
runbook run release --stage production --release one --branch main --revision "$commit" && exit 1
runbook run release --stage production --release one --branch main --revision "$commit" --yes 2> ../log || { cat ../log; exit 1; }
cat ../log
test "$(grep -c 'applied shop.0001_initial' ../log)" = 1
serves www 192.0.2.11 one 2
serves www 192.0.2.12 one 2
runbook run status --stage production
