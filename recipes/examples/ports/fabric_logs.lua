-- Ports a fabfile that lists an application's logs and shows the end of one, on all hosts at once.
-- 16 lines of code, the original, without the task that empties a log, has 19.
local options = recipe {
  summary = "show the end of a log of every host, and fetch the log",
  hosts = "production",
  options = {
    root = { "/srv/app", "the folder that has logs/ in it" },
    log = { "error", "the log" },
    size = { 50, "how many lines to show", min = 1, lab = 2 },
    into = { ".", "the folder on this machine for the logs" },
  },
}

each(hosts, { at_once = 10 }, function(host)
  local path = options.root .. "/logs/" .. options.log .. ".log"
  print(host.name, table.concat(host.fs:list(options.root .. "/logs"), " "))
  print(host:capture({ "tail", "-n", options.size, path }))
  host:download(path, options.into .. "/" .. host.name .. ".log")
end)
