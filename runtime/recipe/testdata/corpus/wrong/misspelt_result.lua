each(hosts, function(host)
  local r = host:run("ls")
  print(r.stdut) -- want: r has no "stdut" (did you mean "stdout"?); it has code, ok, stdout, stderr, seconds
end)
