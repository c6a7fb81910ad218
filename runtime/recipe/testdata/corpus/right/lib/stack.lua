-- A class by metatables.
local Stack = {}
Stack.__index = Stack

function Stack.new(...)
  return setmetatable({ items = { ... } }, Stack)
end

function Stack:push(item)
  self.items[#self.items + 1] = item
  return self
end

function Stack:pop()
  return table.remove(self.items)
end

return Stack
