each(hosts, function(host)
  host:defer(function(h) h.fs:remvoe("/tmp/x") end) -- want: h.fs has no "remvoe" (did you mean "remove"?)
end)
