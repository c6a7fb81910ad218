-- Virtualenvs that releases share: one for each distinct interpreter, requirements and pip arguments, in ROOT/venvs.
-- A release has a link to it. Nobody changes one that is complete, and prune removes what no release has a link to.

local layout = require "layout"
local pip = require "pip"

-- Says whether what pip would install is certain, so that an environment made once can serve again: "loose", a tab and
-- why not; or "have" or "make", a tab and the environment's name. What an earlier run left unfinished is removed.
-- Arguments: the folder of environments, the requirements file or "", pip's arguments. Python 3.5 and later.
local CHOOSE = [=[
# choose the virtualenv
import hashlib, io, os, re, shutil, sys

venvs, requirements, pip = sys.argv[1], sys.argv[2], sys.argv[3:]
PINNED = re.compile(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*(===?\s*[^\s;,*]+|@\s*\S+#sha256=[0-9a-f]{64})\s*(;.*|--hash=.*)?$")
OTHER = re.compile(r"-[rce]|--requirement|--constraint|--editable")

def loose(what):
    print("loose\t%s" % what)
    sys.exit(0)

text = ""
if requirements:
    with io.open(requirements, encoding="utf-8") as f:
        text = f.read()
for line in re.sub(r"\\\r?\n", " ", text).splitlines():
    line = re.sub(r"(^|\s)#.*$", "", line).strip()
    if OTHER.match(line):
        loose("%s has the line %s" % (requirements, line))
    if line and not line.startswith("-") and not PINNED.match(line):
        loose("%s does not pin %s by ==" % (requirements, line))
before = ""
for argument in pip:
    if OTHER.match(argument):
        loose("of the argument %s for pip" % argument)
    value = before.startswith("-") and "=" not in before
    if not argument.startswith("-") and not value and not PINNED.match(argument):
        loose("an argument for pip does not pin %s by ==" % argument)
    before = argument

program = os.path.realpath(sys.executable)
stat = os.stat(program)
what = repr((program, stat.st_size, stat.st_mtime, sys.version, text, pip))
name = hashlib.sha256(what.encode("utf-8")).hexdigest()[:16]
place = os.path.join(venvs, name)
if os.path.isfile(os.path.join(place, ".runbook-complete")):
    print("have\t%s" % name)
else:
    if os.path.lexists(place):
        shutil.rmtree(place)
    print("make\t%s" % name)
]=]

-- Removes the environments that no release has a link to, and prints their names. Paths are compared as the system sees
-- them, because ROOT may be reached by more than one name.
local PRUNE = [[
# remove unused virtualenvs
cd "$1/venvs" || exit 0
for venv in *; do
  [ -d "$venv" ] && [ ! -L "$venv" ] || continue
  here=$(cd -P -- "$venv" && pwd -P) || continue
  for link in ../releases/*/venv; do
    [ "$(cd -P -- "$link" 2>/dev/null && pwd -P)" = "$here" ] && continue 2
  done
  rm -rf -- "$venv" && printf '%s\n' "$venv"
done
]]

-- choose returns the place of the environment that fits, and whether it is there; or nil where a fresh one has to be
-- made, having said why.
local function choose(host, options, paths, dir)
  local words = { options.python, "-c", CHOOSE, paths.venvs, options.requirements }
  for _, word in ipairs(options.pip_arg) do
    words[#words + 1] = pip.public(word) -- whoever logs in at an index, the packages are the same
  end
  local answer = host:run(words, { cwd = dir }).stdout
  local kind, rest = answer:match("^(%a+)\t([^\n]*)")
  if kind == "have" or kind == "make" then
    return paths.venvs .. "/" .. rest, kind == "have"
  elseif kind then -- in a dry run nothing was asked
    log.info("a fresh virtualenv, because " .. rest)
  end
  return nil, false
end

-- COMPLETE is the file that says that an environment is whole, and may serve again.
local COMPLETE = ".runbook-complete"

local function complete(host, place)
  host.fs:write(place .. "/" .. COMPLETE, "")
end

-- discard_on_failure removes an environment that is about to be made, if this host fails before it is whole.
local function discard_on_failure(host, place)
  layout.discard_on_failure(host, place, COMPLETE)
end

local function prune(host, paths)
  local gone = host:run({ "sh", "-c", PRUNE, "sh", paths.root }).stdout
  for name in gone:gmatch("[^\n]+") do
    log.info("removed the virtualenv " .. name .. ", which no release has a link to")
  end
end

return { choose = choose, complete = complete, discard_on_failure = discard_on_failure, prune = prune }
