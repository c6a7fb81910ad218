-- The section "Celery workers" of the cookbook: workers stop before the switch and start after it,
-- also when a host goes back.

test("workers never run while the link changes", function()
  local web1 = unpack(lab.hosts(1))
  lab.repo({ ["wsgi.py"] = "def application(environ, start_response):\n    start_response('200 OK', [])\n" ..
    "    return [b'']\n" })
  local settings = { release = "r1", restart = "graceful", requirements = "", health = "" }
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 0)
  lab.fail("restart")
  settings.release = "r2"
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 1)
  expect.link(web1, "current", "releases/r1")
  settings.release = "r3"
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 0)
  local stop, start = "stop --no-block celery.service at ", "start --no-block celery.service at "
  expect.equal(web1:capture("cat systemctl.log"), table.concat({
    start .. "r1",
    stop .. "r1", start .. "r1",
    stop .. "r1", start .. "r3",
  }, "\n"))
end)
