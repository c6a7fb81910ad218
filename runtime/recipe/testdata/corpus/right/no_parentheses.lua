recipe { summary = 'calls without brackets' }
local text = require 'text'
step('greet', function()
  for i, host in ipairs(hosts) do
    log.info(i .. ': ' .. text.shout(host.name))
    host:run 'true'
    host:run { 'echo', i, host.port }
  end
end)
