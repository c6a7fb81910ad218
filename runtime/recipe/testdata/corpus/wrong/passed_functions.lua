recipe { hosts = "production" }

local function guarded(fn, host)
  local ok, err = pcall(fn, host)
  if not ok then
    log.warn(host.nmae .. tostring(err)) -- want: host has no "nmae" (did you mean "name"?)
  end
end

local function update(host)
  host:rnu("apt-get update") -- want: host has no "rnu" (did you mean "run"?)
end

local function reboot(host)
  host.run("reboot") -- want: host:run is called with a dot; write it with a colon
end

each(hosts, function(host)
  guarded(update, host)
  guarded(reboot, host)
  guarded(function(h) h:run("true", { timeuot = "1s" }) end, host) -- want: host:run: unknown option "timeuot"
end)
