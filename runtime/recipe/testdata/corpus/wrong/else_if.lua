if hosts[1].name == "web1" then
  log.info("first")
else if hosts[1].name == "web2" then -- want: has no end: write elseif as one word
  log.info("second")
end
