-- Tests of a release that does not work on the third of four hosts: which hosts serve what, what
-- the last lines say, and which commands repair it.

lab.defaults() -- whatever app.lua says

-- WSGI formatted with "True" cannot be imported on a host that has the file ROOT/broken.
local WSGI = [[
import os
HERE = os.path.dirname(os.path.realpath(__file__))
if os.path.exists(os.path.join(HERE, "../../broken")) and %s:
    import only_elsewhere
def application(environ, start_response):
    start_response("200 OK", [])
    return [os.path.basename(HERE).encode()]
]]

local SETTINGS = { requirements = "", health_within = "2s" }

-- release runs release.lua with SETTINGS and more.
local function release(name, more)
  local settings = { release = name }
  for _, values in ipairs({ SETTINGS, more or {} }) do
    for key, value in pairs(values) do
      settings[key] = value
    end
  end
  return run("recipes/release.lua", settings)
end

-- states returns the states of the hosts in the last table, in order.
local function states(result)
  local list = {}
  for i = 1, 4 do
    list[i] = result.hosts["web" .. i].state
  end
  return table.concat(list, ", ")
end

test("the third host goes back, and a rollback and a repaired release work at once", function()
  local web = lab.hosts(4)
  local repo = lab.repo({ ["wsgi.py"] = WSGI:format("False") })

  -- serve expects that each host serves a release of these names, in order.
  local function serve(...)
    for i, name in ipairs({ ... }) do
      expect.link(web[i], "current", "releases/" .. name)
      expect.equal(web[i]:http("http://127.0.0.1:" .. web[i].vars.port .. "/").body, name, web[i].name)
    end
  end

  expect.status(release("r1"), 0)
  web[3].fs:write(web[3].vars.root .. "/broken", "")
  repo:commit({ ["wsgi.py"] = WSGI:format("True") })

  -- If one host cannot import an application, no host is switched to it.
  local refused = release("r2")
  expect.status(refused, 1)
  expect.contains(refused.error, "web3: import wsgi.py: wsgi.py cannot be imported: " ..
    "ModuleNotFoundError: No module named 'only_elsewhere' (wsgi.py, line 4)")
  expect.contains(refused.hint, "nothing was switched")
  serve("r1", "r1", "r1", "r1")

  local failed = release("r2", { import_check = false })
  expect.status(failed, 1)
  expect.equal(states(failed), "released, released, restored, prepared")
  expect.contains(failed.error, "No module named 'only_elsewhere' (wsgi.py, line 4)")
  serve("r2", "r2", "r1", "r1")

  expect.status(run("recipes/rollback.lua", { release = "r1" }), 0)
  serve("r1", "r1", "r1", "r1")
  repo:commit({ ["wsgi.py"] = WSGI:format("False") })
  expect.status(release("r3"), 0)
  serve("r3", "r3", "r3", "r3")
end)
