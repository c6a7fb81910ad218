recipe { columns = { "release" } }
each(hosts, function(host)
  host:result({ state = "released" }, { tone = "god" }) -- want: tone: want one of good, bad, busy, got "god" (did you mean "good"?)
end)
