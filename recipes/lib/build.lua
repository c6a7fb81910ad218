-- Making a release on a host: clone, virtualenv, requirements, and last of all the file that says it is complete.

local history = require "history"
local keys = require "keys"
local layout = require "layout"
local server = require "server"
local shared = require "shared"
local venv = require "venv"

-- VERIFY is run by the new virtualenv's Python: that it is the one of this folder, that the files are there. It prints
-- the checksum of the requirements.
local VERIFY = [[
# verify the release
import hashlib, os, sys
venv, wsgi, requirements = sys.argv[1:]
if os.path.realpath(sys.prefix) != os.path.realpath(venv):
    sys.exit("this Python belongs to %s instead of %s" % (sys.prefix, venv))
if wsgi and not os.path.isfile(wsgi):
    sys.exit("there is no %s in this revision; name the WSGI script with --wsgi" % wsgi)
if requirements:
    with open(requirements, "rb") as f:
        print(hashlib.sha256(f.read()).hexdigest())
]]

-- verify looks at what was made, and returns the checksum of the requirements.
local function verify(host, options, name, dir)
  local wsgi = server.is_mod_wsgi(options) and options.wsgi or ""
  local program = { dir .. "/venv/bin/python", "-c", VERIFY, dir .. "/venv", wsgi, options.requirements }
  local checksum = host:run(program, { cwd = dir }).stdout:match("%x+") or ""
  local missing = server.problem(host, options, name)
  if missing then
    fail(unpack(missing))
  end
  return checksum
end

-- prepare makes the release on a host, unless it is there already: complete, and of the same revision, which preflight
-- has seen to. What a run that died has left of it is removed first. before is that release as it was found, or nil.
local function prepare(host, options, release, before)
  local paths, began = layout.of(options), clock.now()
  local dir = layout.release(paths, release.name)
  if before and before.complete then
    log.info("release " .. release.name .. " is complete on this host already")
    return
  end
  layout.discard_on_failure(host, dir, ".runbook.json")
  if before then
    step("remove what was left of " .. release.name, function()
      host.fs:remove(dir, { recursive = true })
    end)
  end
  step("clone " .. release.revision:sub(1, 10), function()
    host.fs:mkdir(paths.releases)
    local clone = { repo = options.repo, revision = release.revision, into = dir, branch = options.branch }
    keys.for_git(options, function()
      if options.depth > 0 then
        clone.depth = options.depth
      else
        host.git:mirror({ repo = options.repo, path = paths.mirror })
        clone.mirror = paths.mirror
      end
      host.git:clone(clone)
    end)
  end)
  venv.build(host, options, paths, dir)
  shared.link(host, paths, dir)
  step("verify", function()
    local checksum = verify(host, options, release.name, dir)
    -- Last: a release without this file is incomplete, and nothing switches to it.
    host.fs:write(dir .. "/.runbook.json", json.encode({
      release = release.name,
      revision = release.revision,
      branch = options.branch,
      repo = options.repo,
      by = history.me(),
      at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
      python = options.python,
      requirements_sha256 = checksum,
      seconds = math.floor((clock.now() - began) * 10 + 0.5) / 10,
    }) .. "\n")
  end)
end

return { prepare = prepare }
