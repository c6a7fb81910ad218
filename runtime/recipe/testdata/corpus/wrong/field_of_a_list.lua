print(hosts.name) -- want: hosts is a list; each host in it has a "name"
