local host = hosts[1]
host.name -- want: a value alone is not a statement
