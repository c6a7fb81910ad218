-- Django: migrations once for all hosts, and its own checks before the switch. In app.lua:
--
--   before_switch = require("django").project({}).before_switch,
--
-- Both run in the new release on the first host, with its Python and with env of app.lua. Where one
-- fails, nothing is switched. project returns check and migrate, too, for a before_switch of your
-- own. For the static files see static.lua. Tried with Django 3.2.

local helpers = require "helpers"

-- project returns check, migrate, and both as before_switch.
local function project(given)
  local settings = validate(given, {
    manage = { "manage.py", "the path of manage.py in the repository" },
    env = { nil, "more environment than env in app.lua", type = "table<string, string>" },
    database = { "", "migrate this one of DATABASES; default Django's" },
    timeout = { "10m", "the time limit of the migrations", type = "duration" },
    fail_level = { "ERROR",
      "the level of check --deploy that fails the release; what is below it is named in a warning",
      choices = { "CRITICAL", "ERROR", "WARNING" } },
  })

  -- options returns the options of a command in a release. app.lua requires this file, and
  -- options.lua requires app.lua: hence the late require.
  local function options(release, more)
    more.cwd, more.env = release.dir, helpers.merge(require("options").app.env, settings.env)
    return more
  end

  -- migrate runs the migrations. Call it in before_switch.once: only one host may run them.
  local function migrate(host, release)
    local database = settings.database ~= "" and { "--database", settings.database } or {}
    local result = host:run({ release.python, settings.manage, "migrate", "--noinput", unpack(database) },
      options(release, { timeout = settings.timeout }))
    for name in result.stdout:gmatch("Applying (%S+)%.%.%. ?OK") do
      log.info("applied " .. name)
    end
  end

  -- check_hosts warns where Django will answer 400 to the health check. It never fails.
  local function check_hosts(host, release)
    local asked = release.options.health_host ~= "" and release.options.health_host or "127.0.0.1"
    local answer, allowed = helpers.record(host:script("django.py", settings.manage, asked,
      options(release, { interpreter = release.python, changes = false, check = false, timeout = "2m" })).stdout)
    if answer == "refused" then
      log.warn("ALLOWED_HOSTS is " .. allowed .. ", so Django answers 400 to the health check, " ..
        "which asks for " .. asked .. ": name one of them by health_host in recipes/app.lua")
    end
  end

  -- check runs check --deploy. What it finds below fail_level is a warning.
  local function check(host, release)
    if dry_run and not host.fs:exists(release.python) then
      return
    end
    local command = { release.python, settings.manage, "check", "--deploy", "--fail-level", settings.fail_level }
    local result = host:run(command,
      options(release, { timeout = "2m", check = false }))
    if not result.ok then
      fail("manage.py check --deploy failed:\n" .. result.stderr,
        "nothing was switched; fix it, or raise fail_level for django in recipes/app.lua")
    end
    local found = {}
    for id in result.stderr:gmatch("\n%S+: %(([%w_]+%.%a%d+)%)") do
      found[#found + 1] = id
    end
    if #found > 0 then
      log.warn("check --deploy: " .. table.concat(found, " ") .. "; runbook log has the texts")
    end
    check_hosts(host, release)
  end

  local before_switch = { once = function(host, release)
    check(host, release)
    migrate(host, release)
  end }

  return { migrate = migrate, check = check, before_switch = before_switch }
end

return { project = project }
