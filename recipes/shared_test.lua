-- Tests of shared in app.lua on a throwaway host.

lab.defaults() -- whatever app.lua says

local common = require "options"
local releases = require "releases"

test("paths out of the release, and files that belong to a release, are refused", function()
  for _, case in ipairs({
    { { "../x" }, "is not a path in the release" }, { { "/etc" }, "is not a path" }, { { "" }, "is not a path" },
    { { "/" }, "is not a path" }, { { "." }, "is not a path" },
    { { "a/../b" }, "is not a path" }, { { "a//b" }, "is not a path" },
    { { "a\nb" }, "is not a path" },
    { { ".git" }, "each release has .git of its own" }, { { ".git/hooks" }, ".git of its own" },
    { { "venv/" }, "venv of its own" },
    { { ".runbook.json" }, ".runbook.json of its own" },
    { { "a", "a/" }, "named twice" }, { { "a/b", "a/" }, '"a/b" is in "a/"' },
    { { "a/b/c", "a/b" }, "is shared already" },
  }) do
    expect.contains(common.shared_problem(case[1]) or "", case[2])
  end
  expect.equal(common.shared_problem({ "a/b", "a/c", "a.b", ".gitignore", "venv2", "media/" }), nil)
end)

test("links are made beside files of the repository, and nothing is overwritten", function()
  local host = unpack(lab.hosts(1))
  local release = releases.new({ root = host.vars.root }, "release", { name = "r1" })
  local paths, dir = release.paths, release.dir
  host.fs:mkdir(dir .. "/conf")
  host.fs:write(dir .. "/conf/app.ini", "the repository's\n")
  host.fs:symlink("/nowhere", dir .. "/dangling")
  host.fs:mkdir(paths.shared .. "/conf")
  host.fs:write(paths.shared .. "/conf/app.ini", "the admin's\n")
  host.fs:write(paths.shared .. "/.env", "KEY=1\n")

  common.app.shared = { "conf/app.ini", "conf/local.ini", "dangling", ".env", "media/deep/" }
  releases.link_shared(host, release)
  expect.file(host, "releases/r1/conf/app.ini", { contains = "the repository's" })
  expect.file(host, "shared/conf/app.ini", { contains = "the admin's" })
  expect.link(host, "releases/r1/dangling", "/nowhere")
  expect.link(host, "releases/r1/conf/local.ini", "shared/conf/local.ini")
  expect.link(host, "releases/r1/media/deep", "shared/media/deep")
  expect.file(host, "releases/r1/.env", { contains = "KEY=1" })
  expect.absent(host, "shared/conf/local.ini")

  -- A file that a visitor uploaded outlives the release that wrote it.
  host.fs:mkdir(paths.shared .. "/media/deep")
  host.fs:write(dir .. "/media/deep/upload", "mine\n")
  host.fs:remove(dir, { recursive = true })
  expect.file(host, "shared/media/deep/upload", { contains = "mine" })
end)

test("nothing is linked through a link that came from the repository", function()
  local host = unpack(lab.hosts(1))
  local release = releases.new({ root = host.vars.root }, "release", { name = "r1" })
  local dir = release.dir
  local outside = host.vars.root .. "/outside"
  host.fs:mkdir(outside .. "/deep")
  host.fs:mkdir(dir .. "/a")
  host.fs:symlink(outside, dir .. "/media")
  host.fs:symlink("/nowhere", dir .. "/a/b")
  for _, case in ipairs({
    { "media/uploads", "media is a link" }, { "media/deep/er/", "media is a link" }, { "a/b/c", "a/b is a link" },
  }) do
    common.app.shared = { case[1] }
    local ok, err = pcall(releases.link_shared, host, release)
    expect.equal(ok, false)
    expect.contains(tostring(err), case[2])
  end
  expect.equal(host:capture({ "find", outside, "-mindepth", "1" }), outside .. "/deep")
end)
