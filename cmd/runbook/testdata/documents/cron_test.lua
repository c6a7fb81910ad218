-- The section "Cron" of the cookbook: the crontab of the release, on one host.

test("the crontab is installed on web1 only, and follows a rollback", function()
  local web1, web2 = unpack(lab.hosts(2))
  local files = { ["crontab"] = "first\n", ["wsgi.py"] = "application = print\n", ["requirements.txt"] = "" }
  local app = lab.repo(files)
  local settings = { release = "r1", restart = "none", requirements = "" }
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 0)
  app:commit({ ["crontab"] = "second\n" })
  settings.release = "r2"
  expect.status(run("recipes/release.lua", settings, { hooks = true }), 0)
  expect.equal(web1:capture("cat crontab"), "second")
  expect.equal(web2:test("test -e crontab"), false)
  expect.status(run("recipes/rollback.lua", { restart = "none" }, { hooks = true }), 0)
  expect.equal(web1:capture("cat crontab"), "first")
end)
