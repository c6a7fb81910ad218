local function greet(host) -- want: the function that begins here has no end
  log.info(host.name)
