fucntion greet() -- want: syntax error near "greet": did you mean "function"?
end
