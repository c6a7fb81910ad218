local function show_port() print(port) end -- want: undeclared global "port"; it is defined below, at line 2: move that above this function
local port = 8000
show_port()
print(port)
