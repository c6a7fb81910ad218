-- What a host is called with is followed through the file's own functions and those of required ones.
local lib1 = require "lib1"
local function prepare(host, name)
  host:rum(name) -- want: host has no "rum" (did you mean "run"?)
end
local function outer(h) prepare(h, "x") end
each(hosts, function(host)
  outer(host)
  lib1.go(host)
end)
-- Called with two kinds of thing, or from where it can't be seen, nothing is known.
local function either(x) x:rum() end
either(hosts[1])
either("text")
local function escapes(x) x:rum() end
escapes(hosts[1])
pcall(escapes, "text")
