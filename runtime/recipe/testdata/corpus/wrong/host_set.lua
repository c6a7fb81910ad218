each(hosts, function(host)
  host.name = "web9" -- want: a host can't be changed; keep your own values in a local
end)
