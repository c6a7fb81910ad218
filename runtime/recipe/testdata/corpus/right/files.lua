recipe {}
each(hosts, function(host)
  local fs, root = host.fs, "/srv/app"
  if not fs:exists(root) then fs:mkdir(root, { mode = "0755" }) end
  local stat = fs:stat(root)
  assert(stat.kind == "folder", "it is a " .. stat.kind .. " of " .. stat.size .. " bytes")
  for _, name in ipairs(fs:list(root)) do
    if name:find("%.tmp$") then fs:remove(root .. "/" .. name, { recursive = true }) end
  end
  fs:write(root .. "/motd", template("Welcome to {{name}}\n", { name = host.name }), { mode = "0644" })
  fs:symlink(root .. "/motd", root .. "/welcome")
  print(fs:readlink(root .. "/welcome"), fs:read(root .. "/motd", { max = 1024 }))
  local free = math.floor(fs:disk(root).bytes_free / 2 ^ 20)
  if free < 100 then fail("only " .. free .. " MiB are free", "make room") end
end)
