-- Ports pyinfra's example of a virtualenv: made once, installed again when requirements change.
local options = recipe {
  summary = "keep a virtualenv as its requirements say",
  hosts = "production",
  options = {
    root = { "/opt/tool", "the folder" },
    requirements = { { "httpie==3.2.2" }, "what to install" },
    python = { "python3", "makes the virtualenv" },
    pip = { "pip3", "installs into it", lab = "true" },
  },
}
local wanted = table.concat(options.requirements, "\n") .. "\n"

each(hosts, { at_once = 5 }, function(host)
  local venv, list = options.root .. "/tool", options.root .. "/tool/requirements.txt"
  if not host.fs:exists(venv) then
    host:run({ options.python, "-m", "venv", "--without-pip", venv })
  end
  if host.fs:exists(list) and host.fs:read(list) == wanted then
    return
  end
  host:run({ options.pip, "--python", venv, "install", "-r", "/dev/stdin" }, { stdin = wanted, timeout = "10m" })
  host.fs:write(list, wanted)
end)
