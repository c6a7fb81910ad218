-- Ports Capistrano's task deploy:cleanup: only the newest releases and the current one stay.
-- 19 lines of code, the original has 30.
local options = recipe {
  summary = "remove old releases",
  hosts = "production",
  options = {
    root = { "/var/www/app", "where the application is" },
    keep = { 5, "how many releases stay", min = 1, lab = 2 },
  },
}

each(hosts, function(host)
  local folder = options.root .. "/cap/releases"
  local current = host.fs:readlink(options.root .. "/cap/current")
  local names = host.fs:list(folder) -- sorted, so the oldest is first
  for i = 1, #names - options.keep do
    local dir = folder .. "/" .. names[i]
    if dir ~= current then
      host.fs:remove(dir, { recursive = true })
    end
  end
end)
