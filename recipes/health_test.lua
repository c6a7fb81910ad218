-- Tests of the health check on a throwaway host.

lab.defaults() -- whatever app.lua says

local app = require("options").app
local health = require "health"

-- wsgi returns an application that prints lines to its error log at import, and answers with this
-- status.
local function wsgi(status, lines)
  return {
    ["wsgi.py"] = template([[
import os, sys
RELEASE = os.path.basename(os.path.dirname(os.path.realpath(__file__)))
for i in range({{lines}}):
    print("printed line", i + 1, file=sys.stderr, flush=True)
def application(environ, start_response):
    start_response("{{status}}", [])
    return [(environ["PATH_INFO"] + " of " + RELEASE).encode()]
]], { status = status, lines = tostring(lines) }),
  }
end

test("the check wants the given status, and a body that healthy accepts", function()
  local host = unpack(lab.hosts(1))
  lab.repo(wsgi("202 Accepted", 0))
  local released = run("recipes/release.lua", { release = "r1", requirements = "", health = "" })
  expect.status(released, 0)
  local options = {
    root = host.vars.root, port = host.vars.port, server_root = "", restart = "touch",
    health = "/well", health_within = "1s",
    health_host = "", request_seconds = 1, processes = 1, threads = 5,
  }
  local release = require("releases").new(options, "release", { name = "r1" })

  local function checked(within)
    options.health_within = within
    local ok, err = pcall(health.check, host, release)
    return ok or err.message
  end
  expect.contains(checked("1s"), "/well within 1s: answered 202, want 200\n/well of r1")
  options.health_status = 202
  expect.equal(checked("10s"), true)
  app.healthy = function(body, about) return body == "/well of " .. about.name end
  expect.equal(checked("10s"), true)
  app.healthy = function() return false, "the database is away" end
  expect.contains(checked("1s"), "answered 202, and healthy in app.lua refuses it: the database is away\n/well of r1")
end)

test("the evidence is shown before anything is restored", function()
  local host = unpack(lab.hosts(1))
  local repo = lab.repo(wsgi("200 OK", 0))
  local settings = { release = "r1", requirements = "", health = "/well", restart = "graceful", health_within = "30s" }
  expect.status(run("recipes/release.lua", settings), 0)
  repo:commit(wsgi("500 Broken", 60))
  settings.release, settings.health_within = "r2", "2s"
  local failed = run("recipes/release.lua", settings)
  expect.status(failed, 1)
  expect.equal(failed.hosts.web1.state, "restored")

  local shown, put_back
  for i, e in ipairs(failed.events) do
    if e.kind == "warning" and (e.text or ""):find("before anything is restored", 1, true) then
      shown = shown or i
    elseif e.kind == "step_begun" and (e.step or ""):find("go back to r1", 1, true) then
      put_back = put_back or i
    end
  end
  expect.equal(shown ~= nil and put_back ~= nil and shown < put_back, true, "shown, then put back")
  local text = failed.events[shown].text
  local root = host.vars.root
  expect.contains(text, "answered 500, want 200\n/well of r2")
  expect.contains(text, root .. "/current points to " .. root .. "/releases/r2\n")
  expect.contains(text, " in " .. root .. "/releases/r2\n")
  expect.contains(text, "the last lines of " .. root .. "/server/error_log:\n")
  local _, lines = text:match("error_log:\n(.*)$"):gsub("[^\n]+", "")
  expect.equal(lines, 20)
  expect.contains(failed.error, "r2 does not work: GET ")
  expect.contains(failed.error, "answered 500, want 200")
  expect.link(host, "current", "releases/r1")
end)
