each(hosts, function(host)
  print(host:http("http://127.0.0.1/").code) -- want: host:http(…) has no "code"; it has status, body, headers
end)
