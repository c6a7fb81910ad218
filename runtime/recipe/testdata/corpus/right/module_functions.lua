recipe {}
local text = require "text"
local commands = {}
function commands.restart(host) host:run({ "systemctl", "restart", "web" }) end
function commands.reload(host) commands.restart(host) end
commands["status"] = function(host) return host:test({ "systemctl", "is-active", "web" }) end
for _, name in ipairs(text.words("restart reload status")) do
  each(hosts, function(host) commands[name](host) end)
end
