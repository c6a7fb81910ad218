-- The section "Static files" of the cookbook: the release collects on every host, and refuses to
-- build from other files than its own.

test("files are collected on every host, and not built from another commit", function()
  local web1, web2 = unpack(lab.hosts(2))
  lab.repo({
    ["wsgi.py"] = "application = print\n",
    ["manage.py"] = "import os, sys\nos.makedirs('static')\nopen('static/' + sys.argv[1], 'w').close()\n",
  })
  local failed = run("recipes/release.lua", { release = "r1", restart = "none", requirements = "" })
  expect.status(failed, 1)
  expect.contains(failed.error, "the files for the build in . are of commit none, and the release is of ")
  expect.absent(web1, "current")
  for _, host in ipairs({ web1, web2 }) do
    expect.event(failed, { kind = "step_ended", host = host.name, step = "collect the static files" })
  end
end)
