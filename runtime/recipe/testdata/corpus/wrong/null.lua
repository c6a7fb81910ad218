local function first() return hosts[1] ~= null end -- want: undeclared global "null"; in Lua it is nil
print(first())
