-- Functions that are passed on, kept, replaced and called with one thing or another.
recipe { summary = "pass functions around", hosts = "production" }

local function apply(fn, value)
  return fn(value)
end

local function twice(fn, ...)
  fn(...)
  fn(...)
end

local kept
local function keep(fn)
  kept = fn
end

local function countdown(fn, n)
  if n > 0 then
    fn(n)
    countdown(fn, n - 1)
  end
end

local function report(fn)
  fn = fn or print
  fn({ text = "done" })
end

local function items(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

local function name_of(thing)
  return thing.name or thing.title
end

local function uptime(host)
  print(host:capture("uptime"))
end

apply(name_of, hosts[1])
apply(name_of, { title = "a table" })
apply(function(text) return text:upper() end, "a text")
twice(function(a, b) print(a.anything, b) end, { anything = 1 }, 2)
keep(function(what) return what.ever end)
print(kept({ ever = true }))
countdown(function(n) print(("%d"):format(n)) end, 3)
report(function(result) print(result.text) end)
for item in items({ "a", "b" }) do
  print(item)
end
each(hosts, uptime)
apply(uptime, hosts[1])

local stages = { first = uptime, second = function(host) host:run("true") end }
for _, stage in pairs(stages) do
  each(hosts, stage)
end

local there, optional = pcall(require, "optional")
if there then
  print(optional.anything)
end
local ok, err = pcall(apply, uptime, hosts[1])
if not ok then
  log.warn(tostring(err))
end
print(pcall(hosts[1].run, hosts[1], "true"), xpcall(function() uptime(hosts[1]) end, function(e) return e.message end))
