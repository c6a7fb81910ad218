-- The section "Django" of the cookbook: what runs where, and that a failure switches nothing.
-- Django itself is in a story.

local MANAGE = [[
import os, sys
root = os.path.dirname(os.path.dirname(os.getcwd()))
with open(os.path.join(root, "calls"), "a") as calls:
    calls.write(sys.argv[1] + " " + os.environ.get("DATABASE_URL", "none") + "\n")
if os.path.exists("fail-" + sys.argv[1]):
    sys.exit("it fails")
]]

local WSGI = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"

test("checks and migrations run once, before the switch", function()
  local web1, web2 = unpack(lab.hosts(2))
  local app = lab.repo({ ["manage.py"] = MANAGE, ["wsgi.py"] = WSGI, ["requirements.txt"] = "" })
  local settings = { release = "r1", restart = "none", requirements = "" }
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 0)
  expect.equal(web1.fs:read(web1.vars.root .. "/calls"),
    "check sqlite:///app.db\nversion sqlite:///app.db\nmigrate sqlite:///app.db\n")
  expect.absent(web2, "calls")

  app:commit({ ["fail-migrate"] = "" })
  settings.release = "r2"
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 1)
  expect.link(web1, "current", "releases/r1")
  expect.link(web2, "current", "releases/r1")
end)
