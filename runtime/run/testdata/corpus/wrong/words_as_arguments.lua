each(hosts, function(host)
  host:run("git", "fetch") -- want: a command of several words is a list, such as { "git", "fetch" }
end)
