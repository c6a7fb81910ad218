recipe {}
local began = clock.now()
local state = json.decode('{"releases":[{"name":"a"}]}')
for _, release in ipairs(state.releases) do print(release.name) end
print(json.encode({ at = clock.utc(), day = clock.utc("%Y%m%d"), took = math.floor(clock.now() - began), when = os.date("!%c", 0) }))
print(os.date("%T %Ec %%"), os.date(), os.date("*t", 0).yday, clock.utc("%FT%T"), pcall(os.date, began > 0 and "%c" or "%Q"))
local days = { date = function(format) return format end }
print(days.date("%Q"))
