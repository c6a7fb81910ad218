-- Ports Deployer's contrib/crontab.php: the jobs of the application are a section of the crontab.
-- 29 lines of code, the original, without the task that removes the jobs, has 62.
local options = recipe {
  summary = "keep the application's jobs in the crontab",
  hosts = "production",
  options = {
    name = { "app", "the name of the section" },
    jobs = { { "* * * * * cd /var/www/app/current && php artisan schedule:run" }, "the jobs" },
    list = { "crontab -l", "prints the crontab", lab = "cat crontab" },
    install = { "crontab -", "reads a crontab and installs it", lab = "cat > crontab" },
  },
}
local first, last = "###< " .. options.name, "###> " .. options.name
local section = first .. "\n" .. table.concat(options.jobs, "\n") .. "\n" .. last .. "\n"

each(hosts, { at_once = 5 }, function(host)
  local before = host:capture(options.list, { check = false }) .. "\n"
  local after, inside = "", false
  for line in before:gmatch("([^\n]+)\n") do
    inside = inside or line == first
    after = inside and after or after .. line .. "\n"
    inside = inside and line ~= last
  end
  if inside then
    fail("the section " .. options.name .. " of the crontab has no end", "crontab -e: add the line " .. last)
  end
  after = after .. section
  if after ~= before then
    host:run(options.install, { stdin = after })
  end
  host:result({ state = after ~= before and "changed" or "as it was" })
end)
