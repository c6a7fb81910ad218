-- What app.lua wants done before the switch and after it: before_switch and after_switch, each a function(host, release) for
-- every host, or { once = function, each = function }, where once is done on the first host alone.

local app = require("options").app
local layout = require "layout"

-- part returns the function that is meant by which, "once" or "each", or nil.
local function part(hook, which)
  if type(app[hook]) == "function" then
    return which == "each" and app[hook] or nil
  end
  return app[hook] and app[hook][which]
end

-- about is what a function gets to know of the release on a host: name, revision, dir, python (of its virtualenv), current (the
-- link) and action, "release" or "rollback".
local function about(options, target, action)
  local paths = layout.of(options)
  local dir = layout.release(paths, target.name)
  return { name = target.name, revision = target.revision, dir = dir, python = dir .. "/venv/bin/python", current = paths.current,
    action = action }
end

-- call calls a function, where there is one.
local function call(hook, which, host, release)
  local fn = part(hook, which)
  if fn then
    step(hook .. (which == "once" and ", once for all hosts" or ""), function() fn(host, release) end)
  end
end

-- before_on does before_switch on one host, with once if it is the first.
local function before_on(host, first, options, target)
  if app.before_switch then
    local release, done = about(options, target, "release"), false
    host:on_failure(function()
      if not done then
        host:result({ state = "not switched" })
      end
    end)
    if host.name == first.name then
      call("before_switch", "once", host, release)
    end
    call("before_switch", "each", host, release)
    done = true
  end
end

-- before does it on all of them, one after the other.
local function before(servers, options, target)
  if app.before_switch then
    each(servers, function(host) before_on(host, servers[1], options, target) end)
  end
end

-- after does after_switch's once on the first host, when all of them serve the release: when none has failed.
local function after(servers, options, target, action, failures)
  if failures == 0 and part("after_switch", "once") then
    each({ servers[1] }, function(host) call("after_switch", "once", host, about(options, target, action)) end)
  end
end

-- after_each does after_switch's each on one host, which serves the release but isn't in service yet.
local function after_each(host, release)
  call("after_switch", "each", host, release)
end

return { about = about, before_on = before_on, before = before, after = after, after_each = after_each }
