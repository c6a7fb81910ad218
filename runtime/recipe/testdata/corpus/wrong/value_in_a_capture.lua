each(hosts, function(host)
  print(host:capture("ls -l " .. host.vars.folder)) -- want: warning: host:capture: host.vars.folder is part of the shell command without quotes; write a list, which is quoted: { "ls", "-l", host.vars.folder }
end)
