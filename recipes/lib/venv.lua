-- Making a virtualenv: what `PYTHON -m venv` makes, without its slow part.

local pip = require "pip"
local reuse = require "reuse"

-- MAKE is `python -m venv` with one step replaced: instead of ensurepip's pip, INSTALL runs in the
-- new environment. Where that fails, because this venv or ensurepip is not like the known ones, MAKE
-- falls back to `python -m venv` and prints why. Arguments: the virtualenv to make, INSTALL.
-- Python 3.5 and later.
local MAKE = [[
# make the virtualenv
import subprocess, sys, venv

target, install = sys.argv[1:]

def setup_pip(builder, context):
    command = [context.env_exe, "-I", "-c", install]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = child.communicate()[0].decode("utf-8", "replace").strip()
    if child.returncode:
        raise RuntimeError(output.split("\n")[-1] or "exit status %d" % child.returncode)

try:
    if not hasattr(venv.EnvBuilder, "_setup_pip"):
        raise RuntimeError("venv does not install pip in the known way")
    venv.EnvBuilder._setup_pip = setup_pip
    venv.main([target])
except Exception as e:
    reason = str(e).encode("ascii", "backslashreplace").decode()
    if "[Errno 28]" in reason:  # no space left: python -m venv needs as much
        sys.exit(reason)
    print(reason)
    sys.stdout.flush()
    status = subprocess.call([sys.executable, "-m", "venv", "--clear", target])
    if status:
        print("Before that: %s" % reason, file=sys.stderr)
    sys.exit(status)
]]

-- INSTALL installs what ensurepip would from the wheels that come with Python: pip, and before
-- Python 3.12 setuptools. ensurepip finds the wheels and calls pip to install them. That call takes
-- nearly all the time of `python -m venv`: pip runs uncompiled out of its wheel, then compiles all of
-- itself. INSTALL replaces the call. It unpacks the wheels and writes what pip would, except for
-- compiled files: pip's first run writes those of the modules that it imports. Where versions of pip
-- differ, pip's own source tells which way it is.
local INSTALL = [=[
# install pip
import ast, base64, configparser, csv, ensurepip, hashlib, io, os, re, sys, sysconfig, textwrap, zipfile

packages, programs = sysconfig.get_path("purelib"), sysconfig.get_path("scripts")

def read_source(wheels, pattern):
    """Returns the first file in the wheels whose name matches, or an empty text."""
    for wheel in wheels:
        for name in wheel.namelist():
            if re.match(pattern, name):
                return wheel.read(name).decode("utf-8")
    return ""

def find_template(*sources):
    """Returns the text of entry scripts from the first of pip's sources that has it."""
    for text in sources:
        found = re.search(r"(?i)script_template = (?:textwrap\.dedent\()?\s*(r?(['\"]{3}).*?\2)", text, re.DOTALL)
        if found:
            return textwrap.dedent(ast.literal_eval(found.group(1)))
    raise ValueError("no text of entry scripts in pip's sources")

def format_shebang(blank_line):
    """Returns the first lines of an entry script.

    Python's path after #! is limited in length and cannot have a space in it. Then sh starts Python, to which these
    lines are a string. Before distlib 0.2.8 a blank line followed #!.
    """
    path = os.fsencode(sys.executable).decode("utf-8")
    if " " in path:
        path = '"%s"' % path
    elif len(path.encode("utf-8")) + 3 <= (512 if sys.platform == "darwin" else 127):
        return "#!%s\n" % path + "\n" * blank_line
    return "#!/bin/sh\n'''exec' %s \"$0\" \"$@\"\n' '''\n" % path

def parse_entry_points(text):
    """Maps names of scripts to MODULE:FUNCTION, with the versions of this Python in them as pip does for itself."""
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str
    parser.read_string(text)
    if parser.has_section("gui_scripts"):
        raise ValueError("a wheel has gui_scripts")
    scripts = dict(parser.items("console_scripts")) if parser.has_section("console_scripts") else {}
    minor = "%d.%d" % sys.version_info[:2]
    for base, names in ("pip", ("pip", "pip3", "pip" + minor)), ("easy_install", ("easy_install", "easy_install-" + minor)):
        function = scripts.get(base)
        if function:
            scripts = {name: scripts[name] for name in scripts if not re.match(base + r"(-?\d+(\.\d+)?)?$", name)}
            scripts.update((name, function) for name in names)
    return scripts

def unpack(wheel, template, requested):
    """Installs a wheel, and records each file with its checksum."""
    files = [info for info in wheel.infolist() if not info.filename.endswith("/")]
    names = {info.filename for info in files}
    folder, = {name.split("/")[0] for name in names if re.match(r"[^/]+\.dist-info/WHEEL$", name)}
    about = wheel.read(folder + "/WHEEL").decode("utf-8")
    if not re.search(r"(?m)^Wheel-Version: 1\.", about) or not re.search(r"(?mi)^Root-Is-Purelib: true", about):
        raise ValueError("%s is not of a pure Python wheel, version 1" % folder)
    if any(name.split("/")[0].endswith(".data") for name in names):
        raise ValueError("%s has a .data folder beside it" % folder)
    rows = [row for row in csv.reader(io.StringIO(wheel.read(folder + "/RECORD").decode("utf-8"))) if row]
    rows += [[name, "", ""] for name in names.difference(row[0] for row in rows)]

    for info in files:
        path = wheel.extract(info, packages)
        if info.external_attr >> 16 & 0o111:
            os.chmod(path, os.stat(path).st_mode | 0o111)

    def generate(path, data):
        with open(path, "wb") as f:
            f.write(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append([os.path.relpath(path, packages), "sha256=" + digest, str(len(data))])

    points = folder + "/entry_points.txt"
    if points in names:
        for name, function in parse_entry_points(wheel.read(points).decode("utf-8")).items():
            module, attribute = re.match(r"([\w.]+)\s*:\s*([\w.]+)$", function).groups()
            text = template % {"module": module, "import_name": attribute.split(".")[0], "func": attribute}
            path = os.path.join(programs, name)
            generate(path, text.encode("utf-8"))
            os.chmod(path, os.stat(path).st_mode | 0o555)
    generate(os.path.join(packages, folder, "INSTALLER"), b"pip\n")
    if requested:
        generate(os.path.join(packages, folder, "REQUESTED"), b"")
    with open(os.path.join(packages, folder, "RECORD"), "w", encoding="utf-8", newline="") as f:
        csv.writer(f).writerows(sorted(rows))

def install(arguments, paths=None):
    """Does what ensurepip calls pip for. Debian 11 has pip's distlib in a wheel of its own, on sys.path."""
    wheels = [zipfile.ZipFile(path) for path in paths]
    others = [zipfile.ZipFile(path) for path in sys.path if path.endswith(".whl")]
    pip = read_source(wheels, r"pip/(_internal/(operations/install/)?)?wheel\.py$")
    distlib = read_source(wheels + others, r"(pip/_vendor/)?distlib/scripts\.py$")
    template = format_shebang("shebang + linesep" in distlib).replace("%", "%%") + find_template(pip, distlib)
    for wheel in wheels:
        unpack(wheel, template, "REQUESTED" in pip)
    return 0

if not hasattr(ensurepip, "_run_pip"):
    raise RuntimeError("ensurepip does not call pip in the known way")
if os.path.realpath(packages) not in map(os.path.realpath, sys.path):
    raise RuntimeError("%s is not among the folders of modules" % packages)
ensurepip._run_pip = install
ensurepip.bootstrap(upgrade=True, default_pip=True)
]=]

-- UV is what makes and fills the environment with venv = "uv". Like the others it isn't told of any cache: each has its own.
local UV = { "sh", "-c", "command -v uv" }

-- problem says why an environment can't be made in the way that is asked for, or nil.
local function problem(host, options)
  if options.venv == "uv" and not host:test(UV) then
    return { "there is no uv on PATH", "install it there, or choose --venv fresh" }
  end
  return pip.problem(options)
end

-- make makes a virtualenv at its final path: one can't be moved.
local function make(host, options, place)
  if options.venv == "uv" then
    host:run({ "uv", "venv", "--python", options.python, place })
  else
    local reason = host:run({ options.python, "-c", MAKE, place, INSTALL }).stdout:match("[^\n]+")
    if reason then
      log.info("fell back to the slower python -m venv: " .. reason)
    end
  end
end

-- install puts the requirements of the release in dir into a virtualenv.
local function install(host, options, place, dir)
  local python = place .. "/bin/python"
  local words = options.venv == "uv" and { "uv", "pip", "install", "--python", python }
    or { python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input" }
  local more, env = pip.arguments(options)
  for _, word in ipairs({ "-r", options.requirements, unpack(more) }) do
    words[#words + 1] = word
  end
  words, env = pip.command(words, env)
  host:run(words, { cwd = dir, env = env })
end

-- build makes DIR/venv with the requirements in it: a virtualenv, or with venv = "reuse" a link to one.
local function build(host, options, paths, dir)
  local place, there = dir .. "/venv", false
  if options.venv == "reuse" then
    local shared
    shared, there = reuse.choose(host, options, paths, dir)
    if shared and not there then
      reuse.discard_on_failure(host, shared)
    end
    place = shared or place
  end
  if not there then
    step("make the virtualenv", function()
      make(host, options, place)
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

return { problem = problem, build = build }
