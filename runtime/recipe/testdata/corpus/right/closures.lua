local options = recipe { options = { tries = { 3, "how often to try", min = 1 } } }
local function retry(times, fn)
  local last
  for _ = 1, times do
    local ok, err = pcall(fn)
    if ok then return true end
    last = err
  end
  error(last)
end
each(hosts, function(host)
  retry(options.tries, function()
    host:run({ "curl", "-fsS", "http://127.0.0.1/" }, { timeout = "5s" })
  end)
end)
