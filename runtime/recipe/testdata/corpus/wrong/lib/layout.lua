local function current(root) return root .. "/current" end
local function releases(root) return root .. "/releases" end
return { current = current, releases = releases }
