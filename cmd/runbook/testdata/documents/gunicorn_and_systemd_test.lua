-- The section "gunicorn and systemd" of the cookbook: systemd restarts the service after the
-- switch. gunicorn itself is in a story.

test("the service is restarted in the release", function()
  local web1 = unpack(lab.hosts(1))
  lab.repo({ ["wsgi.py"] = "application = print\n" })
  local settings = { release = "r1", requirements = "", health = "" }
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 0)
  expect.equal(web1:capture("cat systemctl.log"), "restart app.service at r1")
  local dry = run("recipes/setup.lua", { unit = true }, { hooks = true })
  expect.status(dry, 3) -- systemd does not run here
  expect.contains(dry.error, "systemd does not run on this host")
end)
