-- The static files of a release: collected by Django on each host, or built on this machine and
-- uploaded. They are a part of the release, so call one of these in release.lua, after
-- python.install:
--
--   static.collect(host, release)
--   static.upload(host, release, {
--     build = { "npm", "run", "build" }, from = "dist", to = "static",
--   })
--
-- mod_wsgi-express serves them by server_args = { "--url-alias", "/static", "static" } in app.lua.

local helpers = require "helpers"
local common = require "options"

-- collect runs manage.py collectstatic in a release.
local function collect(host, release, given)
  local settings = validate(given or {}, {
    manage = { "manage.py", "the path of manage.py in the repository" },
    args = { {}, "more arguments of collectstatic, such as --ignore=*.scss" },
    env = { nil, "more environment than env in app.lua", type = "table<string, string>" },
    timeout = { "10m", "the time limit", type = "duration" },
  })
  step("collect the static files", { required = true }, function()
    host:run({ release.python, settings.manage, "collectstatic", "--noinput", unpack(settings.args) },
      { cwd = release.dir, env = helpers.merge(common.app.env, settings.env), timeout = settings.timeout })
  end)
end

-- commit_of returns the commit that is checked out in a folder of this machine, and whether files
-- differ from it.
local function commit_of(folder)
  return localhost:capture({ "git", "rev-parse", "HEAD" }, { cwd = folder, check = false }),
    localhost:capture({ "git", "status", "--porcelain", "--untracked-files=no" }, { cwd = folder, check = false }) ~= ""
end

-- build runs the command on this machine, once for all hosts. It fails unless the folder has the
-- commit of the release, without changes.
local function build(release, settings)
  once("static.build " .. settings.folder .. " " .. settings.from .. " " .. release.revision, function()
    if not settings.any_commit then
      local commit, differs = commit_of(settings.folder)
      if commit ~= release.revision or differs then
        fail("the files for the build in " .. settings.folder .. " are " ..
          (commit == release.revision and "not as committed" or
            "of commit " .. (commit ~= "" and commit:sub(1, 10) or "none")) ..
          ", and the release is of " .. release.revision:sub(1, 10),
          "git checkout " .. release.revision .. " there; " ..
            "or any_commit = true for static.upload in recipes/release.lua")
      end
    end
    if #settings.build > 0 then
      step("build " .. settings.from, { required = true }, function()
        localhost:run(settings.build, { cwd = settings.folder, timeout = settings.timeout })
      end)
    end
    return true
  end)
end

-- upload builds a folder on this machine, and uploads it into a release.
local function upload(host, release, given)
  local settings = validate(given, {
    from = { nil, "the folder on this machine with the built files, relative to folder", required = true },
    to = { nil, "the folder in the release", required = true,
      check = function(to) return common.shared_problem({ to }) end },
    build = { {}, "the command that builds them, such as npm run build; default none" },
    folder = { ".", "the folder of this machine in which it is run: a clone with the commit of the release" },
    any_commit = { false, "build what is there, whatever its commit; a release of an archive needs it" },
    timeout = { "30m", "the time limit of the build", type = "duration" },
  })
  build(release, settings)
  local from = settings.from:sub(1, 1) == "/" and settings.from or settings.folder .. "/" .. settings.from
  if dry_run and not localhost.fs:exists(from) then
    return -- nothing was built
  end
  step("upload the static files", { required = true }, function()
    host:upload(from, release.dir .. "/" .. settings.to, { changed = true })
  end)
end

return { collect = collect, upload = upload }
