recipe {}
local function restart(host) host:run({ "systemctl", "restart", host.vars.service or "web" }, { sudo = true }) end
local function report(thing) print(thing) end
report("restarting")
report(3)
each({ hosts[1] }, restart)
confirm("go on with the rest?")
local others = {}
for i = 2, #hosts do others[i - 1] = hosts[i] end
each(others, restart)
