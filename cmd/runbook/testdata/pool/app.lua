local app = require "shipped"

if env("DRAIN") == "file" then
  local pool = require("haproxy").healthfile({ file = "/srv/app/shared/in-service", notice = "1s" })
  app.drain, app.restore = pool.drain, pool.restore
elseif env("DRAIN") ~= "none" then
  local settings = { socket = "/srv/haproxy.sock", backend = "app" }
  if env("DRAIN", "") == "sudo" or env("DRAIN", "") == "denied" then
    settings.socket, settings.sudo = "/srv/root.sock", env("DRAIN") == "sudo"
  end
  local pool = require("haproxy").pool(settings)
  app.drain, app.restore = pool.drain, pool.restore
end
app.healthy = function(body, release) return body == release.name, "it must name the release" end
app.health = "/health"
app.requirements = ""
app.import_check = false
app.threads = 10
return app
