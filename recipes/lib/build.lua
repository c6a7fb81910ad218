-- Making a release on a host: clone, virtualenv, requirements, and last of all the file that says it is complete.

local app = require("options").app
local history = require "history"
local keys = require "keys"
local layout = require "layout"
local releases = require "releases"
local server = require "server"
local server_args = require "server_args"
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

-- IMPORT loads the WSGI script as the server will, in the release's folder and with its Python, as the user and the group that
-- are given where it runs as root. It prints what went wrong as JSON, and nothing when all is well. Whatever the application
-- starts while it is imported, such as threads, ends with it. Python 3.5 and later.
local IMPORT = [[
# import the application
import json, os, sys, traceback, types
script, name, user, group = sys.argv[1:]
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1) # what the application prints is no answer

def tell(text, file="", line=0):
    json.dump({"text": text, "file": file, "line": line}, answer)
    answer.flush()
    os._exit(0)

if os.getuid() == 0 and user:
    import grp, pwd
    try:
        gid = grp.getgrnam(group).gr_gid
        uid = pwd.getpwnam(user).pw_uid
    except KeyError as e:
        tell("the server is to run as %s:%s, and %s" % (user, group, str(e).strip("\"'")))
    os.initgroups(user, gid)
    os.setgid(gid)
    os.setuid(uid)
    os.environ["HOME"] = pwd.getpwuid(uid).pw_dir
sys.argv = [script]
sys.path.insert(0, os.getcwd())
module = types.ModuleType("__wsgi__")
module.__file__ = script
sys.modules["__wsgi__"] = module
try:
    with open(script, "rb") as f:
        exec(compile(f.read(), script, "exec", dont_inherit=True), module.__dict__)
except BaseException as e:
    traceback.print_exc()
    frames = traceback.extract_tb(sys.exc_info()[2])
    last = frames[-1] if len(frames) > 1 else (script, 0)
    if isinstance(e, SyntaxError):
        last = (e.filename or script, e.lineno or 0)
    tell(traceback.format_exception_only(type(e), e)[-1].strip()[:1000], str(last[0]), last[1])
if not callable(getattr(module, name, None)):
    tell("it defines no callable %s" % name, script)
os._exit(0)
]]

-- check_import fails unless the application of a new release can be imported, so that one that cannot never meets a visitor.
local function check_import(host, options, dir)
  local script = dir .. "/" .. options.wsgi
  if not options.import_check or (not server.is_mod_wsgi(options) and not host.fs:exists(script)) then
    return
  end
  if (server_args.value(app.server_args, "--application-type") or "script") ~= "script" then
    log.info("the application is no WSGI script by --application-type, so it is not imported")
    return
  end
  step("import " .. options.wsgi, function()
    local answer = host:run({ dir .. "/venv/bin/python", "-c", IMPORT, script, server_args.value(app.server_args, "--callable-object") or "application",
      server.is_mod_wsgi(options) and app.user or "", app.group }, { cwd = dir, env = app.env, timeout = options.health_within }).stdout
    local ok, wrong = pcall(json.decode, answer)
    if ok and type(wrong) == "table" then
      local file = tostring(wrong.file):gsub("^" .. dir:gsub("%p", "%%%0") .. "/", "")
      fail(options.wsgi .. " cannot be imported: " .. wrong.text .. (file ~= "" and (" (%s, line %d)"):format(file, wrong.line) or ""),
        "nothing was switched; fix the application, or what it needs, such as env = { … } in recipes/app.lua, and release again\n" ..
        "import_check = false there releases it all the same")
    end
  end)
end

-- verify looks at what was made, and returns the checksum of the requirements.
local function verify(host, options, name, dir)
  local wsgi = server.is_mod_wsgi(options) and options.wsgi or ""
  local program = { dir .. "/venv/bin/python", "-c", VERIFY, dir .. "/venv", wsgi, options.requirements }
  local checksum = host:run(program, { cwd = dir }).stdout:match("%x+") or ""
  -- A dry run has built nothing.
  local missing = server.problem(host, options, name, host.fs:exists(dir .. "/venv/bin/python"))
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
    check_import(host, options, dir)
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
    local clone = { repo = options.repo, revision = release.revision, into = dir, branch = options.branch,
      on_branch = release.of_branch, reserve = { ".runbook.json", "venv/" } }
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
  check_import(host, options, dir)
  step("verify", function()
    local checksum = verify(host, options, release.name, dir)
    host.fs:write(dir .. "/" .. releases.REQUIREMENTS, options.requirements) -- which file the checksum is of
    -- Last: a release without this file is incomplete, and nothing switches to it.
    host.fs:write(dir .. "/.runbook.json", json.encode({
      release = release.name,
      revision = release.revision,
      branch = options.branch,
      repo = host.git:strip(options.repo),
      by = history.me(),
      at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
      python = options.python,
      requirements_sha256 = checksum,
      seconds = math.floor((clock.now() - began) * 10 + 0.5) / 10,
    }) .. "\n")
  end)
end

return { prepare = prepare }
