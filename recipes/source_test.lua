-- Tests of the sources of the code: hosts that fetch it, a clone on this machine, a folder here.

lab.defaults() -- whatever app.lua says

local SHORT = { restart = "none", requirements = "", import_check = false }

-- with returns SHORT with more options.
local function with(more)
  local all = {}
  for _, options in ipairs({ SHORT, more }) do
    for name, value in pairs(options) do
      all[name] = value
    end
  end
  return all
end

-- folder makes a folder on this machine with a WSGI script, and a file with a text.
local function folder(text)
  local dir = localhost:capture({ "mktemp", "-d" })
  localhost.fs:write(dir .. "/wsgi.py", "application = None\n")
  localhost.fs:write(dir .. "/built.css", text)
  localhost.fs:mkdir(dir .. "/media")
  return dir
end

test("push: hosts get commits from this machine, and rollback goes back", function()
  local web1, web2 = unpack(lab.hosts(2))
  local app = lab.repo()
  local first = app.revision
  expect.status(run("recipes/release.lua", with({ release = "r1", source = "push" }), { dry_run = true }), 0)
  expect.absent(web1, "repo.git")
  expect.status(run("recipes/release.lua", with({ release = "r1", source = "push" })), 0)
  local second = app:commit({ ["note"] = "second\n" })
  local released = run("recipes/release.lua", with({ release = "r2", source = "push" }))
  expect.status(released, 0)
  for _, host in ipairs({ web1, web2 }) do
    expect.event(released, { kind = "info", host = host.name, text = "sent 3 objects" })
    expect.file(host, "current/.runbook.json", { contains = second })
    expect.log(host, { action = "release", release = "r2", revision = second, from = "r1" })
  end
  expect.status(run("recipes/rollback.lua", { restart = "none" }), 0)
  expect.file(web1, "current/.runbook.json", { contains = first })
  -- The next release may fetch from the git server again.
  expect.status(run("recipes/release.lua", with({ release = "r3" })), 0)
  expect.file(web2, "current/.runbook.json", { contains = second })
end)

test("archive: hosts get a folder, whose hash is the revision", function()
  local web1 = unpack(lab.hosts(1))
  local dir = folder("one\n")
  local options = with({ release = "r1", source = "archive", path = dir, repo = "" })
  expect.status(run("recipes/release.lua", options, { dry_run = true }), 0)
  expect.absent(web1, "repo.git")
  expect.status(run("recipes/release.lua", options), 0)
  expect.file(web1, "current/built.css", { contains = "one\n" })
  expect.file(web1, "current/.runbook.json", { contains = '"repo":"' .. dir .. '"' })
  local first = web1:capture({ "git", "-C", web1.vars.root .. "/current", "rev-parse", "HEAD" })
  expect.log(web1, { action = "release", release = "r1", revision = first, from = "" })

  -- A release name always means the same files.
  localhost.fs:write(dir .. "/built.css", "two\n")
  local other = run("recipes/release.lua", options)
  expect.status(other, 3)
  expect.contains(other.stderr, "release r1 already exists on web1, of revision " .. first:sub(1, 10))
  options.release, options.revision = "r2", first
  other = run("recipes/release.lua", options)
  expect.status(other, 3)
  expect.contains(other.stderr, "not " .. first .. ": its files have changed")
  options.revision = nil
  expect.status(run("recipes/release.lua", options), 0)
  expect.file(web1, "current/built.css", { contains = "two\n" })
  expect.status(run("recipes/rollback.lua", { restart = "none" }), 0)
  expect.file(web1, "current/built.css", { contains = "one\n" })
  localhost.fs:remove(dir, { recursive = true })
end)

test("sources that cannot work are refused before anything is changed", function()
  local web1 = unpack(lab.hosts(1))
  local app = lab.repo()
  for _, case in ipairs({
    { { source = "archive" }, "needs a path" },
    { { source = "git", path = "services/web" },
      "--path needs --source archive; with --source git the whole repository is released" },
    { { source = "push", path = "services/web" }, "--path needs --source archive" },
    { { source = "push", depth = 1 }, "--depth needs --source git" },
    { { source = "push", agent = "host", key = { "/k" }, repo = "git@192.0.2.1:app.git" }, "needs it on this machine" },
    { { source = "archive", path = "/nonesuch" }, "/nonesuch: no such file" },
    { { source = "push", branch = "nonesuch" }, "no branch or tag" },
  }) do
    local refused = run("recipes/release.lua", with(case[1]))
    expect.equal(refused.status == 2 or refused.status == 3, true, case[2])
    expect.contains(refused.stderr, case[2])
  end
  -- A pack contains the pointer files of Git LFS, and no submodules.
  app:commit({
    [".gitattributes"] = "*.bin filter=lfs\n",
    ["data/a.bin"] = "version https://git-lfs.github.com/spec/v1\n",
  })
  local pointers = run("recipes/release.lua", with({ source = "push" }))
  expect.status(pointers, 3)
  expect.contains(pointers.stderr, "the commit has data/a.bin in Git LFS, which --source push does not send")
  expect.absent(web1, "releases")
end)
