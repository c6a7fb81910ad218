-- Ports Ansible's example of a rolling update: one host at a time, out of the balancer meanwhile.
-- 19 lines of code, the original, without its alerts, has 19.
local options = recipe {
  summary = "update hosts one after the other, behind a load balancer",
  hosts = "production",
  options = {
    update = { { "sudo", "-n", "apt-get", "-y", "upgrade" }, "the update", lab = { "touch", "updated" } },
    balancer = { "sudo -n socat stdio /run/haproxy/admin.sock", "takes the balancer's commands", lab = "cat >> pool" },
    works = { { "systemctl", "is-active", "--quiet", "app" }, "succeeds when the host works",
      lab = { "test", "-e", "updated" } },
  },
}

each(hosts, function(host)
  local function set(state)
    hosts[1]:run(options.balancer, { stdin = "set server web/" .. host.name .. " state " .. state .. "\n" })
  end
  set("drain")
  host:run(options.update, { timeout = "1h" })
  wait("the application works", { within = "1m" }, function() return host:test(options.works) end)
  set("ready")
end)
