recipe {}
local function role(host)
  if host.name:find("^web") then
    return "web"
  elseif host.name:find("^db") then
    return "db"
  else
    return fail("what is " .. host.name .. "?", "name hosts web… or db…")
  end
end
local function check(host)
  if not host.fs:exists("/srv") then
    fail("there is no /srv on " .. host.name)
  end
  return role(host)
end
each(hosts, function(host) print(check(host)) end)
