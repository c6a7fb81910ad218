recipe {}
each(hosts, function(host)
  local r = host:run("make test", { check = false, cwd = "/srv/app", env = { CI = "1" }, timeout = "10m", idle_timeout = "1m" })
  if r.code == 0 and r.ok then
    log.info(r.stdout:match("%d+ passed") or "passed")
  else
    log.warn(("failed after %.1f s: %s"):format(r.seconds, r.stderr:sub(-200)))
  end
  host:result({ state = r.ok and "passed" or "failed", tests = tonumber(r.stdout:match("(%d+) passed")) or 0 })
end)
