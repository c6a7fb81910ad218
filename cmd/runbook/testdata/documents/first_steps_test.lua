-- The section "First steps" of the migration guide: what happens to releases that another tool left
-- in ROOT/releases.

test("releases of another tool in ROOT/releases are incomplete, and deleted when older than a day", function()
  local web1 = unpack(lab.hosts(1))
  lab.repo({ ["wsgi.py"] = "application = print\n", ["requirements.txt"] = "" })
  local releases = web1.vars.root .. "/releases/"
  for _, name in ipairs({ "20250101120000", "20250102120000" }) do
    web1.fs:mkdir(releases .. name)
  end
  web1:run({ "touch", "-d", "3 days ago", releases .. "20250101120000" })
  expect.contains(run("recipes/status.lua").stdout, "incomplete")
  expect.status(run("recipes/rollback.lua", { release = "20250102120000", restart = "none" }), 3)

  expect.status(run("recipes/release.lua", { release = "r1", restart = "none", requirements = "" }), 0)
  expect.absent(web1, "releases/20250101120000")
  expect.file(web1, "releases/20250102120000")
end)
