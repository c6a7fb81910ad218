-- Test of setup.lua on a throwaway host.

lab.defaults() -- whatever app.lua says

test("setup makes the folders, and nothing at the second run", function()
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
