-- Text from a host, cut without patterns: a pattern gives up at a line of some thousand bytes, and a host may send any.

-- each goes through the lines of a text that are not empty.
local function each(text)
  local at = 1
  return function()
    while at <= #text do
      local stop = text:find("\n", at, true) or #text + 1
      local line = text:sub(at, stop - 1)
      at = stop + 1
      if line ~= "" then
        return line
      end
    end
    return nil
  end
end

-- fields returns the first count fields of a line, which tabs divide. The last one is the whole rest, and missing ones are "".
local function fields(line, count)
  local found, at = {}, 1
  for i = 1, count do
    local stop = i < count and line:find("\t", at, true) or #line + 1
    found[i] = line:sub(at, stop - 1)
    at = stop + 1
  end
  return unpack(found, 1, count)
end

return { each = each, fields = fields }
