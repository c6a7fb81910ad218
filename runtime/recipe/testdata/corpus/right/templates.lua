recipe {}
local values = { port = 8000 }
each(hosts, function(host)
  host.fs:write("/etc/app.conf", template([==[
{% for i, name in ipairs(names) %}
  {% if i > 1 %}, {% end %}{{ name }}
{% end %}
{# nothing #}
]==], { names = { host.name, "web2" } }))
  log.info(template("{{ anything }}", values))
  log.info(template("{{ port }}{{ #list }}{{ string.upper(name) }}", { port = 1, list = {}, name = host.name }))
end)
