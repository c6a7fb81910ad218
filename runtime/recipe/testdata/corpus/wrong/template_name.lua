local options = recipe { options = { port = { 8000, "the port" } } }
each(hosts, function(host)
  host.fs:write("/etc/app.conf", template([[
listen {{ port }};
{% for name in names %}
server {{ name }} {{ wieght }}; -- want: template: there is no value for "wieght" (did you mean "weight"?)
{% end %}
]], { port = options.port, names = { "web1" }, weight = 2 }))
  log.info(template("{{ host | upper }}", { host = host.name })) -- want: there are no filters: call a function, such as string.upper(name)
  log.info(template("{% if host %}", { host = host.name })) -- want: template: if host has no {% end %}
end)
