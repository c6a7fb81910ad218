print(hots) -- want: undeclared global "hots" (did you mean "hosts"?)
x = 1 -- want: undeclared global "x" is set; write: local x = …
function go() end -- want: undeclared global "go" is set; write: local function go(…)
print(hosts[1].nmae) -- want: hosts[…] has no "nmae" (did you mean "name"?)
local web = hosts[1]
web:rnu("x") -- want: web has no "rnu" (did you mean "run"?)
web:run("x", { tiemout = "1s" }) -- want: host:run: unknown option "tiemout" (did you mean "timeout"?)
web:run("x", { timeout = "soon" }) -- want: timeout: want a duration
web:run("x", { cwd = 3 }) -- want: cwd: want a string, got a number
web:run("x", { mode = "fsat" }) -- want: want one of fast, slow, got "fsat" (did you mean "fast"?)
web:run() -- want: host:run: cmd is missing
web:run("x", {}, 1) -- want: host:run: want (cmd, [{ cwd, timeout, mode, check }]), got 3 arguments
web:run("x", "y") -- want: want options in a table
web.run("x") -- want: host:run is called with a dot; write it with a colon
log:info("x") -- want: log.info is called with a colon; write it with a dot
log.inf("x") -- want: log has no "inf" (did you mean "info"?)
local r = web:run("x")
print(r.stdut) -- want: r has no "stdut" (did you mean "stdout"?)
web.fs:raed("x") -- want: web.fs has no "raed" (did you mean "read"?)
each(hosts, function(host)
  host:rum("x") -- want: host has no "rum" (did you mean "run"?)
end)
for _, h in ipairs(hosts) do
  h.fs:read() -- want: host.fs:read: path is missing
end
step("title") -- want: step: fn is missing
require "nosuch" -- want: there is no module "nosuch"
io.open("x") -- want: undeclared global "io"
repeat local done = not hosts[2] print(done) until dnoe -- want: undeclared global "dnoe" (did you mean "done"?)
log.info(os.date(), 1) -- want: log.info: want (text), got 2 arguments
web:script("lok.sh") -- want: there is no file "lok.sh": neither testdata/check/lok.sh nor testdata/check/lib/lok.sh exists (did you mean "look.sh"?)
web:script("../secrets.sh") -- want: host:script: file: "../secrets.sh" is not a file of the project
web:script() -- want: host:script: file is missing
web:script("look.sh", true) -- want: host:script: args: want
web:script("look.sh", "x", { chagnes = false }) -- want: host:script: unknown option "chagnes" (did you mean "changes"?)
web:script("look.sh", { "x", {} }) -- want: args: want a list of items
web:script("look.sh", { changes = false }, "x") -- want: args: want a list, got a table with the name "changes" in it
