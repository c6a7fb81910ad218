-- Tests of lib/static.lua on throwaway hosts.

lab.defaults() -- whatever app.lua says

local releases = require "releases"
local static = require "static"

test("files are built here once, from the commit of the release, and uploaded to all hosts", function()
  local hosts = lab.hosts(2)
  local folder = localhost:capture({ "mktemp", "-d" })
  localhost:run("git init -q && echo a > a && git add a && " ..
    "git -c user.name=a -c user.email=a@example.org commit -qm one", { cwd = folder })
  local commit = localhost:capture({ "git", "rev-parse", "HEAD" }, { cwd = folder })
  local settings = {
    folder = folder, from = "dist", to = "static",
    build = { "sh", "-c", "mkdir -p dist && cat a >> dist/app.css" },
  }
  local function upload(revision)
    return pcall(each, hosts, { at_once = 2 }, function(host)
      local release = releases.new({ root = host.vars.root }, "release", { name = "r1", revision = revision })
      host.fs:mkdir(release.dir)
      static.upload(host, release, settings)
    end)
  end
  local ok, err = upload(("a"):rep(40))
  expect.equal(ok, false)
  expect.contains(tostring(err), "are of commit " .. commit:sub(1, 10) .. ", and the release is of aaaaaaaaaa")
  expect.equal(localhost:test({ "test", "-e", folder .. "/dist" }), false)
  ok, err = upload(commit)
  expect.equal(ok, true, tostring(err))
  for _, host in ipairs(hosts) do
    expect.equal(expect.file(host, "releases/r1/static/app.css"), "a\n")
  end
  localhost:run({ "rm", "-rf", folder })
end)

test("a folder outside of the release is refused", function()
  local host = unpack(lab.hosts(1))
  local release = releases.new({ root = host.vars.root }, "release", { name = "r1" })
  for _, to in ipairs({ "../static", "/srv/static", "venv", ".git/x" }) do
    local ok, err = pcall(static.upload, host, release, { from = "dist", to = to })
    expect.equal(ok, false)
    expect.contains(err.message, "to: ")
  end
end)
