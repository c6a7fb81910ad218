each(hosts, function(host)
  print(host.fs:stat("/etc").sise) -- want: host.fs:stat(…) has no "sise" (did you mean "size"?)
end)
