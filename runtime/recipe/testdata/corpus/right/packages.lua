-- A rolling update of the operating system: one host after the other, out of service, updated, rebooted if it has to
-- be, and back in service once it answers.
local options = recipe {
  summary = "update the packages of the hosts, one after the other",
  hosts = "production",
  options = {
    balancer = { "", "the host that has haproxy; empty for none" },
    backend = { "web", "its backend" },
    reboot = { "needed", "when to reboot", choices = { "never", "needed", "always" } },
    wait = { 300, "seconds to wait for a host to come back", min = 10 },
    unit = { { "nginx", "app" }, "units that must run afterwards" },
  },
}

local APT = { DEBIAN_FRONTEND = "noninteractive", NEEDRESTART_MODE = "a" }

local balancer
for _, host in ipairs(hosts) do
  if host.name == options.balancer then balancer = host end
end
if options.balancer ~= "" and not balancer then
  fail("there is no host " .. options.balancer, "see runbook hosts")
end

local function in_service(host, state)
  if not balancer or balancer == host then return end
  local line = ("set server %s/%s state %s\n"):format(options.backend, host.name, state)
  balancer:run({ "socat", "stdio", "/run/haproxy/admin.sock" }, { stdin = line, sudo = true })
end

local function upgradable(host)
  host:run({ "apt-get", "update", "-q" }, { sudo = true, env = APT, timeout = "5m" })
  local list = host:capture("apt-get -s dist-upgrade | grep -c ^Inst || true")
  return tonumber(list) or 0
end

local function boot_id(host)
  local ok, id = pcall(host.capture, host, { "cat", "/proc/sys/kernel/random/boot_id" }, { timeout = "10s" })
  return ok and id or nil
end

local function reboot(host)
  local before = boot_id(host)
  host:run({ "systemd-run", "--on-active=2", "systemctl", "reboot" }, { sudo = true })
  local deadline = clock.now() + options.wait
  while clock.now() < deadline do
    localhost:capture({ "sleep", "5" })
    local now = boot_id(host)
    if now and now ~= before then
      log.info("back after " .. math.floor(options.wait - (deadline - clock.now())) .. " s")
      return
    end
  end
  fail(host.name .. " did not come back within " .. options.wait .. " s", "look at its console")
end

local function needs_reboot(host)
  if options.reboot == "needed" then
    return host.fs:exists("/var/run/reboot-required")
  end
  return options.reboot == "always"
end

local updated = 0
each(hosts, function(host)
  local count = step("look for updates", function() return upgradable(host) end)
  if count == 0 and options.reboot ~= "always" then
    host:result({ state = "up to date" })
    return
  end
  step("take out of service", function() in_service(host, "drain") end)
  host:defer(function() in_service(host, "ready") end)
  step("update " .. count .. " packages", function()
    host:run({ "apt-get", "dist-upgrade", "-y", "-q" }, { sudo = true, env = APT, timeout = "1h", idle_timeout = "10m" })
  end)
  if needs_reboot(host) then
    step("reboot", function() reboot(host) end)
  end
  step("check", function()
    for _, unit in ipairs(options.unit) do
      if not host:test({ "systemctl", "is-active", "--quiet", unit }) then
        fail(unit .. " does not run on " .. host.name, "systemctl status " .. unit)
      end
    end
  end)
  updated = updated + 1
  host:result({ state = "updated", packages = count })
end)
print(updated .. " hosts were updated")
