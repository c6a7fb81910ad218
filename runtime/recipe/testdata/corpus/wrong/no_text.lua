each(hosts, function(host)
  host.fs:write("/etc/motd") -- want: host.fs:write: text is missing
end)
