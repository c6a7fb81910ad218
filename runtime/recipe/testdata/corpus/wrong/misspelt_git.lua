each(hosts, function(host)
  print(host.git:revison("/srv/app/current")) -- want: host.git has no "revison" (did you mean "revision"?)
end)
