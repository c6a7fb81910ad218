-- A module in the style M.name.
local M = {}

M.marks = { loud = "!", calm = "." }

function M.shout(text) return text:upper() .. M.marks.loud end

function M.words(text)
  local words = {}
  for word in text:gmatch("%S+") do words[#words + 1] = word end
  return words
end

function M.join(...)
  return table.concat({ ... }, " ")
end

return M
