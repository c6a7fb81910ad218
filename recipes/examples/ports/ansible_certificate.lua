-- Ports the Ansible role HanXHX.ssl: a certificate and its key, which must match, then nginx.
-- 27 lines of code, the original has 49.
local options = recipe {
  summary = "install a certificate with its key, and let nginx read it",
  hosts = "production",
  options = {
    root = { "/etc/nginx", "the folder of nginx" },
    certificate = { "tls/site.crt", "the certificate on this machine" },
    key = { "tls/site.key", "its key on this machine" },
    of_certificate = { "openssl x509 -noout -pubkey -in", "prints the public key of a certificate", lab = "head -n 1" },
    of_key = { "openssl pkey -pubout -in", "prints the public key of a key", lab = "head -n 1" },
    reload = { "sudo -n nginx -t && sudo -n nginx -s reload", "tests the configuration and reloads it",
      lab = "echo >> reloads" },
  },
}
local function public(command, path)
  return localhost:capture(command .. " " .. quote(path))
end
if public(options.of_certificate, options.certificate) ~= public(options.of_key, options.key) then
  fail("the key " .. options.key .. " is not that of " .. options.certificate)
end

each(hosts, function(host)
  local dir = options.root .. "/tls"
  host.fs:mkdir(dir)
  host:on_change("nginx-tls", function() host:run(options.reload) end)
  local key = host:file(dir .. "/site.key", { from = options.key, mode = "0600", secret = true })
  local certificate = host:file(dir .. "/site.crt", { from = options.certificate, mode = "0644" })
  host:result({ state = (key or certificate) and "changed" or "as it was" })
end)
