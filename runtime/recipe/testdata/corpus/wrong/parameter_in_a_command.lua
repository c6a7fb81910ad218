local function restart(host, service)
  host:run("systemctl restart " .. service, { sudo = true }) -- want: warning: host:run: service is part of the shell command without quotes; write a list, which is quoted: { "systemctl", "restart", service }
end
each(hosts, function(host) restart(host, host.vars.service) end)
