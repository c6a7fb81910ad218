recipe {
  summary = "x"
  hosts = "production", -- want: syntax error near "hosts": a comma, or the } for line 1, is missing before it
}
