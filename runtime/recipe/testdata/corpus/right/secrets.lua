-- What a password manager prints is a secret; what else these programs do is not.
recipe { summary = "settings" }

local password = secret.command({ "vault", "kv", "get", "-field=password", "secret/app" })
each(hosts, function(host)
  local token = secret.command({ "op", "read", "op://app/api/token" }, { on = host, timeout = "30s" })
  local key = secret.mark(host.fs:read("/etc/app/key"))
  host:run({ "aws", "s3", "sync", "s3://app/static", "static" }, { env = { A = password, B = token, C = key } })
  host:run({ "gpg", "--verify", "app.sig" })
  host:run("az webapp show --name app; gcloud compute instances list; pass")
  host:run("op read op://app/registry | docker login -u app --password-stdin registry.example.com", { pipefail = true })
  host:run("umask 077; sops -d env.yaml > env; DB=$(vault read -field=url secret/db) ./setup")
  local version = host:capture { "vault", "version" }
  log.info(version .. #secret.age("database.age"))
end)
