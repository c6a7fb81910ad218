local function show_port() print(port) end -- want: undeclared global "port"
local port = 8000
show_port()
print(port)
