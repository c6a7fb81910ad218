-- Tests of --batch and --max-failures on throwaway hosts.

lab.defaults() -- whatever app.lua says

local planted = require "planted_test"
local rollout = require "rollout"

test("a percentage is rounded down, but never to none", function()
  for _, case in ipairs({
    { "25%", 3, 1 }, { "25%", 4, 1 }, { "25%", 5, 1 }, { "25%", 8, 2 },
    { "50%", 3, 1 }, { "50%", 4, 2 }, { "50%", 5, 2 },
    { "99%", 5, 4 }, { "100%", 5, 5 }, { "1%", 5, 1 }, { 2, 5, 2 }, { 7, 5, 7 },
  }) do
    local batch, hosts, want = unpack(case)
    expect.equal(rollout.batch_size(batch, hosts), want, batch .. " of " .. hosts)
  end
end)

-- run_batches calls a function for five hosts in batches of two. The function fails on the hosts in
-- bad. Each call waits until all of its batch have begun, so that an early failure skips none of
-- them. It returns the hosts of each batch that began, the hosts that finished, and the result of
-- in_batches.
local function run_batches(max_failures, bad)
  local hosts, begun, ended, stopped = lab.hosts(5), {}, {}, false
  local ok, failures = pcall(rollout.in_batches, hosts, { batch = "50%", max_failures = max_failures }, function(host)
    begun[#begun + 1] = host.name
    for _ = 1, 200 do
      if #begun % 2 == 0 or #begun == #hosts then
        break
      end
      host:capture({ "sleep", "0.01" })
    end
    if bad[host.name] then
      fail(host.name .. " is bad")
    end
    host:capture({ "sleep", "0.05" })
    ended[#ended + 1] = host.name
  end, function() stopped = true end)
  expect.equal(stopped, not ok)
  local list = {}
  for i = 1, #begun, 2 do
    local batch = { unpack(begun, i, math.min(i + 1, #begun)) }
    table.sort(batch)
    list[#list + 1] = table.concat(batch, " ")
  end
  table.sort(ended)
  return table.concat(list, ", "), table.concat(ended, " "), ok and failures
end

test("all hosts run in the order of the hosts file", function()
  local begun, ended, failures = run_batches(0, {})
  expect.equal(begun, "web1 web2, web3 web4, web5")
  expect.equal(ended, "web1 web2 web3 web4 web5")
  expect.equal(failures, 0)
end)

test("after a failure the other host of the batch finishes, and no further batch begins", function()
  local begun, ended, failures = run_batches(0, { web3 = true })
  expect.equal(begun, "web1 web2, web3 web4")
  expect.equal(ended, "web1 web2 web4")
  expect.equal(failures, false)
end)

test("max_failures hosts may fail", function()
  local begun, ended, failures = run_batches(2, { web1 = true, web2 = true })
  expect.equal(begun, "web1 web2, web3 web4, web5")
  expect.equal(ended, "web3 web4 web5")
  expect.equal(failures, 2)
end)

test("one failure more stops the run", function()
  local begun, ended, failures = run_batches(1, { web2 = true, web3 = true })
  expect.equal(begun, "web1 web2, web3 web4")
  expect.equal(ended, "web1 web4")
  expect.equal(failures, false)
end)

test("the table shows what happened to each host", function()
  local hosts = lab.hosts(5)
  for _, host in ipairs(hosts) do
    planted.release(host, "r1")
    planted.release(host, "r2")
  end
  lab.fail("switch to r1", { host = "web3", always = true })
  local back = run("recipes/rollback.lua", { batch = "40%", restart = "none", health = "" })
  expect.status(back, 1)
  for name, state in pairs({ web1 = "rolled back", web2 = "rolled back", web5 = "not touched" }) do
    expect.equal(back.hosts[name].state, state, name)
  end
  expect.link(hosts[2], "current", "releases/r1")
  expect.link(hosts[3], "current", "releases/r2")
  expect.link(hosts[5], "current", "releases/r2")

  back = run("recipes/rollback.lua", { release = "r1", batch = "40%", max_failures = 1, restart = "none", health = "" })
  expect.status(back, 1) -- one has failed, after all
  expect.link(hosts[3], "current", "releases/r2")
  expect.link(hosts[4], "current", "releases/r1")
  expect.link(hosts[5], "current", "releases/r1")
end)
