-- The output of a command is in the journal, so a password manager must not be asked by one.
recipe { summary = "settings" }

local password = localhost:capture { "vault", "kv", "get", "-field=password", "secret/app" } -- want: what vault prints is shown and recorded: use secret.command
local token = localhost:capture("op read op://app/api/token") -- want: what op prints is shown and recorded
each(hosts, function(host)
  local key = host:capture("cat key.age | age -d -i ~/.config/age/keys.txt") -- want: what age prints is shown and recorded
  local id = host:run({ "aws", "secretsmanager", "get-secret-value", "--secret-id", "app" }).stdout -- want: what aws prints
  host:run({ "true" }, { env = { A = password, B = token, C = key, D = id } })
  host:run("gcloud secrets versions access latest --secret=app | jq -r .password", { pipefail = true }) -- want: what gcloud prints
  host:run("az keyvault secret show --name app --vault-name v; pass show app/db; sops -d env.yaml") -- want: what az prints
  local all = host:capture { "pass", "app/db" } -- want: what pass prints
  log.info(#all)
end)
