recipe {
  summary = "x"
  hosts = "production", -- want: syntax error near "hosts": a comma is missing before it, or the } that closes line 1
}
