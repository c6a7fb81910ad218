-- Ports capistrano-sidekiq's sidekiq:restart: no new jobs, the end of the running ones, a restart.
-- 25 lines of code, the original, without its helpers, has 36.
local options = recipe {
  summary = "restart sidekiq when its jobs have ended",
  hosts = "production",
  options = {
    systemctl = { "systemctl --user", "the program", lab = "sh systemctl" },
    unit = { "sidekiq", "the unit" },
    within = { "30s", "how long jobs may take; sidekiq takes up the others again", type = "duration" },
    every = { "1s", "the pause between two looks", type = "duration", lab = "10ms" },
  },
}

each(hosts, function(host)
  local function systemctl(action)
    return options.systemctl .. " " .. action .. " " .. quote(options.unit)
  end
  host:run(systemctl("kill -s TSTP"))
  local ended, err = pcall(wait, "the jobs have ended", { within = options.within, every = options.every }, function()
    local busy = host:capture(systemctl("status"), { check = false }):match("%[(%d+) of %d+ busy%]")
    return (busy or "0") == "0", (busy or "0") .. " are running"
  end)
  if not ended then
    log.warn(err.message)
  end
  host:run(systemctl("stop"))
  host:run(systemctl("start"))
end)
