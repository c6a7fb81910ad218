local options = recipe { options = { root = { "/srv/app", "the folder" } } }
each(hosts, function(host)
  host:run("rm -rf " .. options.root .. "/tmp") -- want: warning: host:run: options.root is part of the shell command without quotes; write a list, which is quoted: { "rm", "-rf", options.root .. "/tmp" }
end)
