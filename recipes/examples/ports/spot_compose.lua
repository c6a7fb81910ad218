-- Ports spot's playbook for a container: write the file, pull, start again, wait until it answers.
local options = recipe {
  summary = "start a container from its image",
  hosts = "production",
  options = {
    root = { "/srv/compose", "the folder on the host" },
    image = { "registry.example.org/app:latest", "the image" },
    docker = { "docker", "the program", lab = "echo" },
    works = { { "curl", "-fsS", "http://127.0.0.1:8080/ping" }, "succeeds when it answers", lab = { "true" } },
  },
}

each(hosts, { at_once = 2 }, function(host)
  local dir = options.root .. "/compose"
  host.fs:mkdir(dir)
  host.fs:write(dir .. "/compose.yml",
    template("services:\n  app:\n    image: {{ image }}\n", { image = options.image }))
  host:run({ options.docker, "compose", "pull" }, { cwd = dir, timeout = "10m" })
  host:run({ options.docker, "compose", "up", "-d" }, { cwd = dir })
  wait("it answers", { within = "30s" }, function() return host:test(options.works) end)
end)
