-- The production servers. Replace these with your own: you need no more Lua than you see here.
--
-- Braces { } enclose a list. Text is in quotes, and every entry ends with a comma.
-- A line that begins with -- is a comment, which runbook ignores.
-- To see how runbook reads this file:  runbook hosts

return {
  -- Defaults for all servers below; each server can have its own value.
  user = "deploy",                    -- who logs in on the servers
  -- identity = "~/.ssh/id_ed25519",  -- your key for logging in; default: by ssh's own rules
  -- jump = "deploy@192.0.2.1",       -- the server to go through, if any: user@host:port
  -- known_hosts = "known_hosts",     -- host keys beside this file, not in ~/.ssh/known_hosts
  -- sudo = "passwordless",           -- lets recipes use sudo; "ask": runbook asks for the password

  -- One server in each pair of braces. The addresses 192.0.2.x are examples: put yours.
  {
    name = "web1",                    -- what runbook calls it, and what --only web1 means
    address = "192.0.2.11",           -- or a host name; Host entries of ~/.ssh/config apply to it
    tags = { "web" },                 -- --only tag:web means every server with this tag
  },
  {
    name = "web2",
    address = "192.0.2.12",
    -- port = 2222,                   -- where its sshd listens, when that isn't 22
    tags = { "web" },
    -- vars = { processes = 4 },      -- an option of the recipe that is different on this server
  },
}
