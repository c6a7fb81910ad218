recipe { summary = "build here, copy there" }
step("build", function() localhost:run({ "make", "dist" }, { cwd = os.getenv("PWD") }) end)
local archive = localhost:capture("ls -t dist/*.tar.gz | head -n 1")
each(hosts, { at_once = 4 }, function(host)
  host:upload(archive, "/tmp/app.tar.gz", { mode = "0600" })
  host:run({ "tar", "-xzf", "/tmp/app.tar.gz", "-C", "/srv/app" })
  host:download("/srv/app/VERSION", "VERSION." .. host.name)
end)
