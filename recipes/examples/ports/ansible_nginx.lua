-- Ports the sites of the Ansible role geerlingguy.nginx: a template, a test, a reload on change.
-- 33 lines of code, the original, without its template, has 34.
local options = recipe {
  summary = "write a site of nginx and reload it after a change",
  hosts = "production",
  options = {
    root = { "/etc/nginx", "the folder of nginx" },
    domain = { "example.org", "the name of the site" },
    ports = { { "8001", "8002" }, "where the application listens" },
    test = { { "sudo", "-n", "nginx", "-t" }, "what tests the configuration", lab = { "true" } },
    reload = { { "sudo", "-n", "nginx", "-s", "reload" }, "what reloads it", lab = { "true" } },
  },
}

local SITE = [[
upstream app {
{% for port in ports %}
  server 127.0.0.1:{{ port }};
{% end %}
}
server {
  server_name {{ domain }};
  location / { proxy_pass http://app; }
}
]]

each(hosts, function(host)
  local path = options.root .. "/sites/" .. options.domain
  local text = template(SITE, { ports = options.ports, domain = options.domain })
  if host.fs:exists(path) and host.fs:read(path) == text then
    return
  end
  host.fs:mkdir(options.root .. "/sites")
  host.fs:write(path, text)
  host:run(options.test)
  host:run(options.reload)
end)
