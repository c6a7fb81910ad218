recipe { hosts = "production" }
print(_G.hosts) -- want: undeclared global "_G"
