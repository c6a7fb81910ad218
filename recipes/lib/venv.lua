-- Making a virtualenv: what `PYTHON -m venv` makes, without its slow part.

local reuse = require "reuse"

-- Nearly all of that command's time goes into installing the same pip again. So what pip's installation adds is kept
-- under ROOT once for an interpreter, the seed, and each release gets a copy of its own: the same files, with the
-- scripts' first lines and their checksums for the place they are in. The seed is made from the first virtualenv that an
-- interpreter makes here; another interpreter, or another pip in it, replaces it.
--
-- Arguments: the virtualenv to make, the folder for seeds. Old interpreters must be able to read this: Python 3.5 and later.
local MAKE = [[
# make the virtualenv
import base64, hashlib, os, shutil, subprocess, sys, sysconfig, venv
import ensurepip

target, seeds = sys.argv[1:]

def places(env):
    return sysconfig.get_path("purelib", "posix_prefix", {"base": env}), os.path.join(env, "bin")

def plain():
    return subprocess.call([sys.executable, "-m", "venv", target])

def key():
    program = os.path.realpath(sys.executable)
    stat = os.stat(program)
    return hashlib.sha256(repr((program, stat.st_size, stat.st_mtime, sys.version, ensurepip.version())).encode()).hexdigest()[:16]

def keep(seed):
    """Keep what pip's installation added to a new virtualenv. The name at the end says that it is whole."""
    making = "%s.%d" % (seed, os.getpid())
    packages, programs = places(target)
    shutil.copytree(packages, os.path.join(making, "packages"), symlinks=True)
    os.mkdir(os.path.join(making, "bin"))
    for name in os.listdir(programs):
        if name.startswith("pip"):
            shutil.copy2(os.path.join(programs, name), os.path.join(making, "bin", name))
    with open(os.path.join(making, "origin"), "w") as f:
        f.write(target)
    os.rename(making, seed)
    for name in os.listdir(seeds):
        if name != os.path.basename(seed):
            shutil.rmtree(os.path.join(seeds, name))

def record(packages, programs, names):
    """Correct the checksums of the scripts, whose first lines differ from place to place."""
    for info in os.listdir(packages):
        path = os.path.join(packages, info, "RECORD")
        if not (info.startswith("pip-") and os.path.isfile(path)):
            continue
        with open(path, newline="") as f:
            lines = f.read().splitlines(True)
        for i, line in enumerate(lines):
            name = line.split(",")[0]
            if name.startswith("../") and os.path.basename(name) in names:
                with open(os.path.join(programs, os.path.basename(name)), "rb") as f:
                    data = f.read()
                sum = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                lines[i] = "%s,sha256=%s,%d%s" % (name, sum, len(data), line[len(line.rstrip("\r\n")):])
        with open(path, "w", newline="") as f:
            f.write("".join(lines))

def grow(seed):
    """Make a virtualenv without pip, and copy the seed into it."""
    venv.EnvBuilder(symlinks=True).create(target)
    packages, programs = places(target)
    with open(os.path.join(seed, "origin")) as f:
        origin = f.read()
    shutil.rmtree(packages)
    shutil.copytree(os.path.join(seed, "packages"), packages, symlinks=True)
    names = os.listdir(os.path.join(seed, "bin"))
    for name in names:
        with open(os.path.join(seed, "bin", name), "rb") as f:
            data = f.read()
        path = os.path.join(programs, name)
        with open(path, "wb") as f:
            f.write(data.replace(origin.encode() + b"/bin/", target.encode() + b"/bin/"))
        shutil.copymode(os.path.join(seed, "bin", name), path)
    record(packages, programs, names)

seed = os.path.join(seeds, key())
# A script's first line takes another form when it is long or has a space in it.
if " " in target or len(target) > 90:
    sys.exit(plain())
if os.path.isdir(seed):
    try:
        grow(seed)
        sys.exit(0)
    except (OSError, ValueError) as e:
        print("the seed %s is of no use (%s); the virtualenv is made without it" % (seed, e), file=sys.stderr)
        shutil.rmtree(seed)
        shutil.rmtree(target, ignore_errors=True)
status = plain()
if status == 0:
    if not os.path.isdir(seeds):
        os.makedirs(seeds)
    keep(seed)
sys.exit(status)
]]

-- UV is what makes and fills the environment with venv = "uv". Like the others it isn't told of any cache: each has its own.
local UV = { "sh", "-c", "command -v uv" }

-- problem says why an environment can't be made in the way that is asked for, or nil.
local function problem(host, options)
  if options.venv == "uv" and not host:test(UV) then
    return { "there is no uv on PATH", "install it there, or choose --venv fresh" }
  end
  return nil
end

-- make makes a virtualenv at its final path: one can't be moved.
local function make(host, options, paths, place)
  if options.venv == "uv" then
    host:run({ "uv", "venv", "--python", options.python, place })
  else
    host:run({ options.python, "-c", MAKE, place, paths.seeds })
  end
end

-- install puts the requirements of the release in dir into a virtualenv.
local function install(host, options, place, dir)
  local python = place .. "/bin/python"
  local words = options.venv == "uv" and { "uv", "pip", "install", "--python", python }
    or { python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input" }
  for _, word in ipairs({ "-r", options.requirements, unpack(options.pip_arg) }) do
    words[#words + 1] = word
  end
  host:run(words, { cwd = dir })
end

-- build makes DIR/venv with the requirements in it: a virtualenv, or with venv = "reuse" a link to one.
local function build(host, options, paths, dir)
  local place, there = dir .. "/venv", false
  if options.venv == "reuse" then
    local shared
    shared, there = reuse.choose(host, options, paths, dir)
    place = shared or place
  end
  if not there then
    step("make the virtualenv", function()
      make(host, options, paths, place)
    end)
    if options.requirements ~= "" then
      step("install " .. options.requirements, function()
        install(host, options, place, dir)
      end)
    end
  end
  if place ~= dir .. "/venv" then
    step("link the virtualenv " .. place:match("[^/]+$"), function()
      if not there then
        reuse.complete(host, place)
      end
      host.fs:symlink(place, dir .. "/venv")
    end)
  end
end

return { problem = problem, make = make, build = build }
