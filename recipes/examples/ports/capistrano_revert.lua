-- Ports Capistrano's task deploy:revert_release: current points to the release before it.
-- 21 lines of code, the original has 32.
local options = recipe {
  summary = "go back by one release",
  hosts = "production",
  options = { root = { "/var/www/app", "where the application is" } },
}

each(hosts, function(host)
  local current = options.root .. "/cap/current"
  local served, before = host.fs:readlink(current), nil
  for _, name in ipairs(host.fs:list(options.root .. "/cap/releases")) do
    local dir = options.root .. "/cap/releases/" .. name
    if dir == served then
      break
    end
    before = dir
  end
  if not before then
    fail("there is no release before " .. served)
  end
  host.fs:symlink(before, current)
  host:result({ release = before:match("[^/]+$") })
end)
