-- Ports Fabric's first example, which shows the system and the free space of each server.
recipe { summary = "show the system and the free space", hosts = "production", columns = { "system", "free" } }

each(hosts, { at_once = 10 }, function(host)
  local disk = host.fs:disk("/")
  local percent = math.floor(100 * disk.bytes_free / disk.bytes_total)
  if percent < 1 then
    fail("the disk of " .. host.name .. " is full")
  end
  host:result({ system = host:capture("uname -s"), free = percent .. "%" })
end)
