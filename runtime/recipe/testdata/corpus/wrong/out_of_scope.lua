if hosts[1] then
  local name = hosts[1].name
  log.info(name)
end
log.info(name) -- want: undeclared global "name"
