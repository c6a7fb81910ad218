-- What setup.lua promises, tried on a throwaway host: `runbook test recipes` runs this.

lab.defaults() -- whatever app.lua says

test("makes the folders, and the second time nothing", function()
  local web1 = unpack(lab.hosts(1))
  lab.repo()
  local first = run("recipes/setup.lua")
  expect.status(first, 0)
  expect.contains(first.hosts.web1.state, "made ")
  expect.file(web1, "releases")
  expect.file(web1, "shared")

  local second = run("recipes/setup.lua")
  expect.status(second, 0)
  expect.equal(second.hosts.web1.state, "nothing to change")
end)
