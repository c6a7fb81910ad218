local n = 0
n += 1 -- want: syntax error near "+": write x = x + 1
print(n)
