local options = recipe { options = { key = { { "~/.ssh/deploy" }, "deploy keys" }, repo = { "git@git.example.com:app.git", "the repository" } } }
each(hosts, function(host)
  local revision = agent.forward({ keys = options.key, to = { options.repo } }, function()
    host.git:mirror({ repo = options.repo, path = "/srv/app/repo.git" })
    return host.git:resolve(options.repo, "main")
  end)
  host:agent({ keys = { "/home/deploy/.ssh/id" } }, function()
    host.git:clone { repo = options.repo, revision = revision, into = "/srv/app/x", mirror = "/srv/app/repo.git" }
  end)
  print(host.git:revision("/srv/app/x"))
end)
