recipe {}
local Stack = require "stack"
local stack = Stack.new("a", "b"):push("c")
print(stack:pop(), stack:pop())
stack.note = "more fields than can be seen"
print(stack.note)
