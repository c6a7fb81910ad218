each(hosts, function(host)
  host.fs:symlink("/srv/a") -- want: host.fs:symlink: path is missing
end)
