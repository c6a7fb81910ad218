-- What runs that were killed left on a host: temporary files and folders of runbook's own. An incomplete release is none of
-- it: prune removes it a day later, so that somebody can look at it.

local pool = require "pool"

-- list returns the paths of what a run left, as releases.look found it; none while a run is under way.
local function list(paths, found)
  if found.holder then
    return {}
  end
  local left = { unpack(found.leftovers) }
  left[#left + 1] = pool.orphan(paths, found)
  return left
end

-- remove removes them. The caller holds the lock.
local function remove(host, left)
  if #left > 0 then
    step("remove what a run that died left", function()
      for _, path in ipairs(left) do
        host.fs:remove(path, { recursive = true })
      end
    end)
  end
end

return { list = list, remove = remove }
