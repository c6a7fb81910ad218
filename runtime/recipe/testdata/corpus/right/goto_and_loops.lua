recipe {}
for i = 1, 10 do
  for j = 10, 1, -1 do
    if i == j then goto continue end
    if i * j > 50 then break end
    print(i, j)
    ::continue::
  end
end
local n = 0
while true do
  n = n + 1
  if n > 3 then break end
end
repeat
  local done = n > 5
  n = n + 1
until done
do
  local n = "another n"
  print(n)
end
