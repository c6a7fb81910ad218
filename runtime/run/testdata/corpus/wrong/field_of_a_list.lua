print(hosts.name) -- want: hosts is a list: its hosts have a "name" each
