local options = recipe {
  summary = "one recipe, several actions",
  options = { action = { "status", "what to do", choices = { "start", "stop", "status" } }, force = { false, "stop at once" } },
}
local actions = {
  start = function(host) host:run({ "systemctl", "start", "web" }) end,
  stop = function(host)
    local command = { "systemctl", "stop", "web" }
    if options.force then command[#command + 1] = "--force" end
    host:run(command)
  end,
}
function actions.status(host) print(host.name, host:test({ "systemctl", "is-active", "-q", "web" })) end
each(hosts, actions[options.action])
