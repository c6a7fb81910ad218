each(hosts, function(host)
  host.git:mirror({ "/srv/x.git" }) -- want: host.git:mirror: want options by name (repo, path, revision, branch) -- want: repo is missing -- want: path is missing
end)
