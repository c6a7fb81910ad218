each(hosts, function(host)
  print(host:capture("ls -l " .. host.vars.folder)) -- want: warning: host:capture: host.vars.folder is put into a line for the shell as it is; a list is quoted: { "ls", "-l", host.vars.folder }
end)
