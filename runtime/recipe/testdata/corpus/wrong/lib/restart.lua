local M = {}
function M.all(host, service)
  host:run({ "systemctl", "restart", service }, { timout = "1m" }) -- want: host:run: unknown option "timout" (did you mean "timeout"?)
  host.fs:wirte("/tmp/restarted", service) -- want: host.fs has no "wirte" (did you mean "write"?)
end
return M
