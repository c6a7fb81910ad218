recipe {}
local settings = require "settings"
-- A name that may be missing is asked for, and no mistake.
local user = settings.user or "deploy"
if settings.extra then settings.extra() end
for _, port in ipairs(settings.ports) do print(user, settings.service, port) end
