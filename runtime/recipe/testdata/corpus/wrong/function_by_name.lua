local function prepare(host)
  log.info(host.adress) -- want: host has no "adress" (did you mean "address"?)
end
each(hosts, prepare)
