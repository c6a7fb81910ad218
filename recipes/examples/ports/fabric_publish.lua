-- Ports the fabfile that Pelican writes for a static site: build here, publish there.
-- 14 lines of code, the original, without its other tasks, has 16.
local options = recipe {
  summary = "build a static site and publish it",
  hosts = "production",
  options = {
    root = { "/var/www/site", "the folder that the web server shows" },
    build = { { "make", "html" }, "the command that makes the pages" },
    output = { env("PWD", "") .. "/output", "where it puts them on this machine" },
  },
}

localhost:run(options.build)
localhost.fs:write(options.output .. "/built.txt", clock.utc("%F") .. "\n")
each(hosts, function(host)
  host:upload(options.output, options.root .. "/html", { delete = true })
end)
