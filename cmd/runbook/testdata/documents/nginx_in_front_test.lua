-- The section "nginx in front" of the cookbook: the options reach mod_wsgi-express, and the health
-- check its address.

test("mod_wsgi-express is configured for the proxy", function()
  local web1 = unpack(lab.hosts(1))
  lab.repo()
  expect.status(run("recipes/release.lua", { release = "r1", restart = "graceful" }), 0)
  expect.file(web1, "server/.runbook-arguments", {
    contains = '"--host","127.0.0.1","--trust-proxy","127.0.0.1","--trust-proxy-header","X-Forwarded-For"',
  })
end)
