recipe {}
function string.trim(s) return (s:gsub("^%s+", ""):gsub("%s+$", "")) end
local line = "  a = 1  "
local key, value = line:trim():match("^(%w+)%s*=%s*(.*)$")
print(key:upper(), value, ("-"):rep(20), #line, line:len(), tostring(nil):reverse())
