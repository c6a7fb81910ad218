-- The settings that app.lua gives to what is ready-made, such as haproxy.pool{ … }: a misspelt one must not be passed over.

-- check fails unless settings holds what it must. kinds names the type of each setting, or several: "boolean string"; a setting
-- that must be there has a "!" at the end. what is what the settings are for.
local function check(what, settings, kinds)
  local names = {}
  for name in pairs(kinds) do
    names[#names + 1] = name
  end
  table.sort(names)
  if type(settings) ~= "table" then
    fail(what .. ": want a table of settings, got " .. type(settings), "it takes " .. table.concat(names, ", "))
  end
  for name in pairs(settings) do
    if not kinds[name] then
      fail(what .. ": there is no setting \"" .. tostring(name) .. "\"", "it takes " .. table.concat(names, ", "))
    end
  end
  for _, name in ipairs(names) do
    local wanted, given = kinds[name]:gsub("!$", ""), type(settings[name])
    if given == "nil" and kinds[name]:sub(-1) == "!" then
      fail(what .. ": " .. name .. " is missing", "it must be a " .. wanted)
    elseif given ~= "nil" and not (" " .. wanted .. " "):find(" " .. given .. " ", 1, true) then
      fail(what .. ": " .. name .. " must be a " .. wanted:gsub(" ", " or a ") .. ", not a " .. given)
    end
  end
end

return { check = check }
