lcoal name = "x" -- want: syntax error near "name": did you mean "local"?
