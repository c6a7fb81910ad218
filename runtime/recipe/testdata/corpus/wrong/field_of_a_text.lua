each(hosts, function(host)
  print(host:capture("ls").stdout) -- want: host:capture(…) is a string, so it has no "stdout"
end)
