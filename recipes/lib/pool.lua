-- A pool of servers behind load balancers: which hosts of a run are servers, and taking one out of service for as long as
-- it is changed, by app.lua's drain and restore.

local app = require("options").app

-- is_balancer says whether a host of the run is a load balancer, which is talked to and gets no release.
local function is_balancer(host)
  for _, tag in ipairs(host.tags) do
    if tag == "balancer" then
      return true
    end
  end
  return false
end

-- servers returns those hosts that get releases, in their own order.
local function servers(hosts)
  local list = {}
  for _, host in ipairs(hosts) do
    if not is_balancer(host) then
      list[#list + 1] = host
    end
  end
  if #list == 0 and #hosts > 0 then
    fail("all hosts of this run are load balancers (tag:balancer)", "--only must name a server as well")
  end
  return list
end

-- Which hosts are out of service by this run.
local out = {}

-- mark is a file that is there while a host is out of service. One that is found says that a run died meanwhile.
local function mark(paths)
  return paths.root .. "/.runbook.drained"
end

-- take_out takes a host out of service: when it returns, no request is in flight there.
local function take_out(host, paths)
  if app.drain then
    step("drain", function()
      local left = host.fs:exists(mark(paths))
      host.fs:write(mark(paths), "this host is out of the load balancer's service while it is changed\n")
      out[host.name] = true
      app.drain(host, left)
    end)
  end
end

-- put_back puts a host back that take_out took out, once.
local function put_back(host, paths)
  if out[host.name] then
    step("put back into service", function()
      app.restore(host)
      host.fs:remove(mark(paths))
      out[host.name] = nil
    end)
  end
end

-- is_out says whether a run left a host out of service, which the next release or rollback takes out again and puts back.
local function is_out(found)
  return found.drained ~= nil and app.drain ~= nil
end

-- orphan returns the mark of a host that nothing would put back into service, because app.lua has no drain any more; or nil.
local function orphan(paths, found)
  return found.drained and not is_out(found) and mark(paths) or nil
end

-- leave_out says of a host that serves nothing, or nothing good, and so isn't put back.
local function leave_out(host)
  if out[host.name] then
    log.warn("it stays out of the load balancer's service; a release, or recipes/restart.lua, that is well puts it back")
  end
end

return { servers = servers, take_out = take_out, put_back = put_back, is_out = is_out, orphan = orphan, leave_out = leave_out }
