-- Tests of release.lua on throwaway hosts; `runbook test recipes` runs them. In a test, lab.hosts
-- starts hosts, lab.repo makes a repository, run runs a recipe, and expect checks the result.

lab.defaults() -- whatever app.lua says

test("two releases on two hosts have the same commit, and are linked, logged and served", function()
  local web1, web2 = unpack(lab.hosts(2))
  local app = lab.repo()

  local first = run("recipes/release.lua", { release = "r1", restart = "graceful", health = "/health" })
  expect.status(first, 0)
  for _, host in ipairs({ web1, web2 }) do
    expect.equal(first.hosts[host.name].state, "released", host.name)
    expect.link(host, "current", "releases/r1")
    expect.log(host, { action = "release", release = "r1", revision = app.revision, from = "" })
  end
  expect.event(first, { kind = "step_ended", host = "web1", step = "start mod_wsgi-express" })

  -- Push a change, and keep only one release besides the new one.
  local second = app:commit({ ["requirements.txt"] = "greeting==2.0\n" })
  expect.status(run("recipes/release.lua", { release = "r2", restart = "none", keep = 1 }), 0)
  expect.link(web2, "current", "releases/r2")
  expect.file(web2, "releases/r2/.runbook.json", { contains = second })
  expect.absent(web2, "releases/r1")
  local version = { web2.vars.root .. "/current/venv/bin/python", "-c", "import greeting; print(greeting.VERSION)" }
  expect.equal(web2:capture(version), "2.0")
end)

test("prepare_only builds on all hosts, and the same release later only switches", function()
  local web1, web2 = unpack(lab.hosts(2))
  local app = lab.repo()
  local revision = app.revision
  local settings = { release = "r1", restart = "none", requirements = "", import_check = false, prepare_only = true }
  local prepared = run("recipes/release.lua", settings)
  expect.status(prepared, 0)
  expect.equal(prepared.hosts.web1.state, "prepared")
  expect.contains(prepared.stderr, "nothing was switched; to switch: --release r1 --revision " .. revision)
  expect.file(web2, "releases/r1/.runbook.json", { contains = revision })
  expect.absent(web2, "current")

  app:commit({ ["note"] = "a later commit does not count\n" })
  settings.prepare_only, settings.revision = false, revision
  local switched = run("recipes/release.lua", settings)
  expect.status(switched, 0)
  expect.equal(switched.hosts.web2.state, "released")
  expect.contains(switched.stderr, "release r1 is already complete on this host")
  expect.link(web1, "current", "releases/r1")
end)

test("with a depth there is no mirror, and a release has so many commits", function()
  local web1 = unpack(lab.hosts(1))
  local app = lab.repo()
  local second = app:commit({ ["note"] = "second\n" })
  local settings = { release = "r1", restart = "none", requirements = "", import_check = false, depth = 1 }
  expect.status(run("recipes/release.lua", settings), 0)
  expect.link(web1, "current", "releases/r1")
  expect.absent(web1, "repo.git")
  local root = web1.vars.root
  expect.equal(web1:capture({ "git", "-C", root .. "/current", "rev-list", "HEAD" }), second)
end)

test("a restart that fails: the host goes back, and no further host is touched", function()
  local web1, web2 = unpack(lab.hosts(2))
  lab.repo({ ["wsgi.py"] = "def application(environ, start_response):\n    start_response('200 OK', [])\n" ..
    "    return [b'']\n" })
  local settings = { release = "r1", restart = "graceful", requirements = "", health = "" }
  expect.status(run("recipes/release.lua", settings), 0)

  lab.fail("restart", { host = "web1" })
  settings.release = "r2"
  local failed = run("recipes/release.lua", settings)
  expect.status(failed, 1)
  expect.equal(failed.hosts.web1.state, "restored")
  expect.equal(failed.hosts.web2.state, "prepared")
  expect.link(web1, "current", "releases/r1")
  expect.link(web2, "current", "releases/r1")
  expect.log(web1, { action = "restore", release = "r1", from = "r2" })
end)

test("invalid options are refused before anything is changed", function()
  local web1 = unpack(lab.hosts(1))
  lab.repo()
  local branch = run("recipes/release.lua", { branch = "nosuch" })
  expect.status(branch, 3)
  expect.contains(branch.error, 'no branch or tag "nosuch"')

  local python = run("recipes/release.lua", { python = "/nosuch" })
  expect.status(python, 3)
  expect.contains(python.error, "no Python at /nosuch")

  expect.status(run("recipes/release.lua", { release = "../r1" }), 2)
  expect.absent(web1, "current")
  expect.absent(web1, "releases")

  web1.fs:mkdir(web1.vars.root .. "/current")
  local folder = run("recipes/release.lua", { restart = "none", requirements = "" })
  expect.status(folder, 3)
  expect.contains(folder.error, "/current is not a link")
  expect.absent(web1, "releases")
end)
