each(hosts, function(host)
  host.git:clone({ repo = "/srv/x.git", into = "/srv/x" }) -- want: host.git:clone: revision is missing
end)
