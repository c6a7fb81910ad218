local M = {}
function M.go(host)
  host.fs:raed("x") -- want: host.fs has no "raed" (did you mean "read"?)
end
return M
