-- What app.lua's shared may name, and what becomes of it, tried on a throwaway host: `runbook test recipes` runs this.

lab.defaults() -- whatever app.lua says

local app = require("options").app
local layout = require "layout"
local shared = require "shared"

test("what leads out of a release, or is a release's own, is refused", function()
  for _, case in ipairs({
    { { "../x" }, "is not a path in the release" }, { { "/etc" }, "is not a path" }, { { "" }, "is not a path" },
    { { "/" }, "is not a path" }, { { "." }, "is not a path" }, { { "a/../b" }, "is not a path" }, { { "a//b" }, "is not a path" },
    { { "a\nb" }, "is not a path" },
    { { ".git" }, "each release has .git of its own" }, { { ".git/hooks" }, ".git of its own" }, { { "venv/" }, "venv of its own" },
    { { ".runbook.json" }, ".runbook.json of its own" },
    { { "a", "a/" }, "named twice" }, { { "a/b", "a/" }, '"a/b" is in "a/"' }, { { "a/b/c", "a/b" }, "is shared already" },
  }) do
    expect.contains(layout.shared_problem(case[1]) or "", case[2])
  end
  expect.equal(layout.shared_problem({ "a/b", "a/c", "a.b", ".gitignore", "venv2", "media/" }), nil)
end)

test("links are made beside what the repository has, and nothing is overwritten", function()
  local host = unpack(lab.hosts(1))
  local paths = layout.of({ root = host.vars.root })
  local dir = layout.release(paths, "r1")
  host.fs:mkdir(dir .. "/conf")
  host.fs:write(dir .. "/conf/app.ini", "the repository's\n")
  host.fs:symlink("/nowhere", dir .. "/dangling")
  host.fs:mkdir(paths.shared .. "/conf")
  host.fs:write(paths.shared .. "/conf/app.ini", "the admin's\n")
  host.fs:write(paths.shared .. "/.env", "KEY=1\n")

  app.shared = { "conf/app.ini", "conf/local.ini", "dangling", ".env", "media/deep/" }
  shared.link(host, paths, dir)
  expect.file(host, "releases/r1/conf/app.ini", { contains = "the repository's" })
  expect.file(host, "shared/conf/app.ini", { contains = "the admin's" })
  expect.link(host, "releases/r1/dangling", "/nowhere")
  expect.link(host, "releases/r1/conf/local.ini", "shared/conf/local.ini")
  expect.link(host, "releases/r1/media/deep", "shared/media/deep")
  expect.file(host, "releases/r1/.env", { contains = "KEY=1" })
  expect.absent(host, "shared/conf/local.ini")

  -- An uploaded file outlives the release that it came by.
  host.fs:mkdir(paths.shared .. "/media/deep")
  host.fs:write(dir .. "/media/deep/upload", "mine\n")
  host.fs:remove(dir, { recursive = true })
  expect.file(host, "shared/media/deep/upload", { contains = "mine" })
end)

test("nothing is linked through a link that came from the repository", function()
  local host = unpack(lab.hosts(1))
  local paths = layout.of({ root = host.vars.root })
  local dir = layout.release(paths, "r1")
  local outside = host.vars.root .. "/outside"
  host.fs:mkdir(outside .. "/deep")
  host.fs:mkdir(dir .. "/a")
  host.fs:symlink(outside, dir .. "/media")
  host.fs:symlink("/nowhere", dir .. "/a/b")
  for _, case in ipairs({ { "media/uploads", "media is a link" }, { "media/deep/er/", "media is a link" }, { "a/b/c", "a/b is a link" } }) do
    app.shared = { case[1] }
    local ok, err = pcall(shared.link, host, paths, dir)
    expect.equal(ok, false)
    expect.contains(tostring(err), case[2])
  end
  expect.equal(host:capture({ "find", outside, "-mindepth", "1" }), outside .. "/deep")
end)
