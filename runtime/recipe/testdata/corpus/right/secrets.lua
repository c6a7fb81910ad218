recipe { summary = "rotate a password" }
local password = secret.prompt("new password")
local token = env("TOKEN") and secret.env("TOKEN") or secret.file("~/.token")
each(hosts, function(host)
  host:run({ "chpasswd" }, { stdin = "app:" .. password, sudo = "root", secret = { password, token } })
end)
