local options = recipe { options = { port = { 80, "the port" } } }
local function url(o) return "http://127.0.0.1:" .. o.prot end -- want: o has no "prot" (did you mean "port"?)
log.info(url(options))
