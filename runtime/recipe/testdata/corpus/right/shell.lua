-- What a shell is for stays a string: pipes, redirections, variables given by env.
recipe {}
local LOOK = [[
for f in /etc/*.conf; do
  wc -l "$f"
done
]]
local count = "ls | wc -l"
each(hosts, function(host)
  host:run(LOOK .. "exit 0")
  host:run("cat " .. "/etc/motd")
  print(host:capture(count, { cwd = "/etc" }))
  print(host:capture("grep -c \"$WORD\" /etc/services || true", { env = { WORD = host.name } }))
  host:run({ "sh", "-c", 'echo "$1" >> "$2"', "sh", host.name, "/tmp/log" })
  host:run("sleep " .. 2)
  host:run("nice -n " .. #hosts .. " true")
end)
