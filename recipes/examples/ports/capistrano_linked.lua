-- Ports Capistrano's deploy:check and deploy:symlink:shared: links to what outlives releases.
-- 32 lines of code, the original has 74.
local options = recipe {
  summary = "link shared files and folders into the current release",
  hosts = "production",
  options = {
    root = { "/var/www/app", "where the application is" },
    folders = { { "log", "tmp/pids" }, "folders to share" },
    files = { { "config/database.yml" }, "files to share" },
  },
}

each(hosts, function(host)
  local shared, release = options.root .. "/shared/", options.root .. "/linked/"
  local missing = {}
  for _, file in ipairs(options.files) do
    if not host.fs:exists(shared .. file) then
      missing[#missing + 1] = file
    end
  end
  if #missing > 0 then
    fail("no " .. table.concat(missing, ", ") .. " in " .. shared, "upload it once")
  end
  local function link(name)
    host.fs:mkdir((release .. name):match("(.*)/"))
    host.fs:symlink(shared .. name, release .. name)
  end
  for _, folder in ipairs(options.folders) do
    host.fs:mkdir(shared .. folder)
    link(folder)
  end
  for _, file in ipairs(options.files) do
    link(file)
  end
end)
