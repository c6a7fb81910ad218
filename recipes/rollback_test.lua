-- What rollback.lua promises, tried on throwaway hosts: `runbook test recipes` runs this. The releases that it goes
-- back to are only planted, which takes no time.

local planted = require "planted"

local hosts = lab.hosts(2)
for _, host in ipairs(hosts) do
  planted.release(host, "r1")
  planted.release(host, "r2")
end

-- expect_current says that all hosts have this release.
local function expect_current(name)
  for _, host in ipairs(hosts) do
    expect.link(host, "current", "releases/" .. name)
  end
end

test("back to the release before, and forth again by its name", function()
  local back = run("recipes/rollback.lua", { restart = "none", health = "" })
  expect.status(back, 0)
  expect.equal(back.hosts.web2.state, "rolled back")
  expect.equal(back.hosts.web2.previous, "r2")
  expect_current("r1")
  expect.log(hosts[1], { action = "rollback", release = "r1", from = "r2" })
  expect.file(hosts[1], "releases/r2") -- nothing is removed

  expect.status(run("recipes/rollback.lua", { release = "r2", restart = "none", health = "" }), 0)
  expect_current("r2")
end)

test("refused everywhere when one host can't go back", function()
  hosts[2].fs:remove(hosts[2].vars.root .. "/releases/r1/.runbook.json")
  local refused = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(refused, 3)
  expect.contains(refused.error, "web2")
  expect.contains(refused.error, "release r1 is incomplete")
  expect_current("r2")
end)
