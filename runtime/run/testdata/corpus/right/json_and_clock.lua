recipe {}
local began = clock.now()
local state = json.decode('{"releases":[{"name":"a"}]}')
for _, release in ipairs(state.releases) do print(release.name) end
print(json.encode({ at = clock.utc(), day = clock.utc("%Y%m%d"), took = math.floor(clock.now() - began), when = os.date("!%c", 0) }))
