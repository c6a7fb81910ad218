local function restart(host, service)
  host:run("systemctl restart " .. service, { sudo = true }) -- want: warning: host:run: service is put into a line for the shell as it is; a list is quoted: { "systemctl", "restart", service }
end
each(hosts, function(host) restart(host, host.vars.service) end)
