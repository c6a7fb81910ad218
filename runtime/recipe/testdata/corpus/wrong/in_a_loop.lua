for _, host in ipairs(hosts) do
  host.fs:raed("/x") -- want: host.fs has no "raed" (did you mean "read"?)
end
