-- Ports pyinfra's example of files: a folder, a file, a link, and a line that a file must have.
-- 16 lines of code, the original, without its other operations, has 27.
local options = recipe {
  summary = "a folder, a file, a link and a line",
  hosts = "production",
  options = { root = { "/etc/app", "the folder" }, line = { "net.core.somaxconn=1024", "the line" } },
}

each(hosts, function(host)
  local fs, dir = host.fs, options.root .. "/conf"
  fs:mkdir(dir, { mode = "0755" })
  fs:write(dir .. "/name", host.name .. "\n", { mode = "0644" })
  fs:symlink(dir .. "/name", dir .. "/link")
  local file = dir .. "/sysctl.conf"
  local text = fs:exists(file) and fs:read(file) or ""
  if not ("\n" .. text):find("\n" .. options.line .. "\n", 1, true) then
    fs:write(file, text .. options.line .. "\n")
  end
end)
