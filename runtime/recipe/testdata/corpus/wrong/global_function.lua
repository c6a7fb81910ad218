function greet() end -- want: undeclared global "greet" is set; write: local function greet(…)
