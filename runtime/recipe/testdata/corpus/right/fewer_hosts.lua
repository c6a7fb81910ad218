local options = recipe { summary = "the first host alone; the options are kept by habit" }
hosts = { hosts[1] }
print = function(text) log.info(text) end
each(hosts, function(host) print(host.name) end)
