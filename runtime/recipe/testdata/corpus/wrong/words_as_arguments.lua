each(hosts, function(host)
  host:run("git", "fetch") -- want: write a command of several words as a list, such as { "git", "fetch" }
end)
