local function f()
  do return 1 end
  log.info("x") -- want: unreachable: the code above
end
f()
