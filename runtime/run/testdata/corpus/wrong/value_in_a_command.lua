local options = recipe { options = { root = { "/srv/app", "the folder" } } }
each(hosts, function(host)
  host:run("rm -rf " .. options.root .. "/tmp") -- want: warning: host:run: options.root is put into a line for the shell as it is; a list is quoted: { "rm", "-rf", options.root .. "/tmp" }
end)
