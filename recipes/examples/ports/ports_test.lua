-- Tests the ports. All ports of one test run on the same two hosts, one after the other.

-- changes counts what a run changed without a command.
local function changes(result)
  local count = 0
  for _, event in ipairs(result.events) do
    if event.kind == "changed" then
      count = count + 1
    end
  end
  return count
end

-- plain runs a port, which must succeed.
local function plain(name, values, only)
  local result = run(name .. ".lua", values, { yes = true, only = only })
  expect.status(result, 0)
  return result
end

-- done runs a port after a dry run, which must change nothing. Both must succeed, and are returned.
local function done(name, values, only)
  local dry = run(name .. ".lua", values, { dry_run = true, yes = true, only = only })
  expect.status(dry, 0)
  expect.equal(changes(dry), 0, "the number of changes in a dry run of " .. name)
  return plain(name, values, only), dry
end

-- unchanged runs a port once more, which must change nothing and report that for each host.
local function unchanged(name, values)
  local result = plain(name, values)
  expect.equal(changes(result), 0, "the number of changes in another run of " .. name)
  for _, host in ipairs(hosts) do
    expect.equal(result.hosts[host.name].state, "as it was", name)
  end
end

-- local_folder returns a new folder on this machine.
local function local_folder()
  return localhost:run({ "mktemp", "-d" }).stdout:match("%S+")
end

test("each port does what the script that it comes from does", function()
  local web1, web2 = unpack(lab.hosts(2))
  lab.repo({ ["manage.py"] = "" })
  local root, fs = web1.vars.root, web1.fs

  expect.equal(done("fabric_disk").hosts.web2.system, web2:capture("uname -s"))
  done("fabric_django")
  expect.equal(fs:exists(root .. "/site/manage.py"), true)
  local into = local_folder()
  done("fabric_publish", { output = into .. "/html", build = { "mkdir", into .. "/html" } })
  expect.equal(fs:exists(root .. "/html/built.txt"), true)

  expect.status(run("capistrano_linked.lua"), 3)
  for _, host in ipairs({ web1, web2 }) do
    host.fs:mkdir(host.vars.root .. "/shared/config")
    host.fs:write(host.vars.root .. "/shared/config/database.yml", "adapter: sqlite3\n")
  end
  done("capistrano_linked")
  expect.equal(fs:readlink(root .. "/linked/tmp/pids"), root .. "/shared/tmp/pids")
  for _, host in ipairs({ web1, web2 }) do
    for i = 1, 4 do
      host.fs:mkdir(host.vars.root .. "/cap/releases/" .. i)
    end
    host.fs:symlink(host.vars.root .. "/cap/releases/4", host.vars.root .. "/cap/current")
  end
  done("capistrano_cleanup")
  expect.equal(table.concat(fs:list(root .. "/cap/releases"), " "), "3 4")
  expect.equal(done("capistrano_revert").hosts.web1.release, "3")
  expect.equal(fs:readlink(root .. "/cap/current"), root .. "/cap/releases/3")
  expect.status(run("capistrano_revert.lua"), 3)

  done("deployer_php")
  expect.equal(fs:exists(root .. "/dep/current/manage.py"), true)
  expect.equal(fs:readlink(root .. "/dep/current/storage"), root .. "/dep/shared/storage")
  done("deployer_maintenance")
  expect.equal(fs:exists(root .. "/down"), false)

  expect.equal(done("ansible_authorized_keys").hosts.web1.state, "changed")
  expect.equal(plain("ansible_authorized_keys").hosts.web1.state, "as it was")
  expect.equal(fs:stat(root .. "/.ssh/authorized_keys").mode, "0600")
  done("ansible_nginx")
  expect.equal(fs:read(root .. "/sites/example.org"):match("server 127[^\n]*8002;"), "server 127.0.0.1:8002;")
  done("ansible_rolling")
  expect.equal(web1:capture("cat pool"), "set server web/web1 state drain\nset server web/web1 state ready\n"
    .. "set server web/web2 state drain\nset server web/web2 state ready")

  done("pyinfra_virtualenv")
  expect.equal(fs:exists(root .. "/tool/bin/python"), true)
  done("pyinfra_files")
  plain("pyinfra_files")
  expect.equal(fs:read(root .. "/conf/sysctl.conf"), "net.core.somaxconn=1024\n")
  done("rex_backup", { into = into })
  expect.equal(localhost:capture({ "zcat", into .. "/web2.sql.gz" }), "a dump")
  localhost.fs:remove(into, { recursive = true })
  done("spot_compose")
  expect.equal(fs:read(root .. "/compose/compose.yml"):match("image: (%S+)"), "registry.example.org/app:latest")
end)

-- SERVER answers GET with "up", and appends the body of each POST to the file "posted".
local SERVER = [[
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self):
        self.answer(b"up")
    def do_POST(self):
        with open("posted", "ab") as f:
            f.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\n")
        self.answer(b"ok")
    def log_message(self, *rest):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
]]

test("files reach the hosts, and a second run has nothing to do", function()
  local web1, web2 = unpack(lab.hosts(2))
  local root, fs, here = web1.vars.root, web1.fs, local_folder()

  local site = here .. "/public"
  localhost.fs:mkdir(site)
  localhost.fs:write(site .. "/app.js", "1")
  localhost.fs:write(site .. "/app.js.map", "{}")
  fs:mkdir(root .. "/public/uploads")
  fs:write(root .. "/public/old.js", "0")
  expect.equal(done("deployer_rsync", { from = site }).hosts.web1.state, "sent")
  expect.equal(table.concat(fs:list(root .. "/public"), " "), "app.js uploads")
  unchanged("deployer_rsync", { from = site })

  web1:run("printf '0 3 * * * backup\\n' > crontab")
  done("deployer_crontab", { jobs = { "1 * * * * old" } })
  plain("deployer_crontab", { jobs = { "2 * * * * new" } })
  expect.equal(web1:capture("cat crontab"), "0 3 * * * backup\n###< app\n2 * * * * new\n###> app")
  expect.equal(web2:capture("cat crontab"), "###< app\n2 * * * * new\n###> app")
  web1:run("touch -d @9 crontab")
  unchanged("deployer_crontab", { jobs = { "2 * * * * new" } })
  expect.equal(web1:capture("stat -c %Y crontab"), "9")
  web1:run("sed -i '$d' crontab")
  expect.contains(run("deployer_crontab.lua").error, "the section app of the crontab has no end")

  local first = done("capistrano_secrets")
  expect.equal(first.hosts.web2.state, "changed")
  expect.equal(first.stderr:find("correct-horse", 1, true), nil)
  expect.equal(fs:read(root .. "/shared/.env"), "TOKEN=correct-horse\n")
  expect.equal(fs:stat(root .. "/shared/.env").mode, "0600")
  web1:run("rm restarted")
  unchanged("capistrano_secrets")
  expect.equal(web1:test("test -e restarted"), false)

  local pair = { certificate = here .. "/site.crt", key = here .. "/site.key" }
  localhost.fs:write(pair.certificate, "public\ncertificate\n")
  localhost.fs:write(pair.key, "other\nkey\n")
  expect.contains(run("ansible_certificate.lua", pair).error, "site.key is not that of")
  localhost.fs:write(pair.key, "public\nkey\n")
  done("ansible_certificate", pair)
  expect.equal(fs:stat(root .. "/tls/site.key").mode, "0600")
  unchanged("ansible_certificate", pair)
  expect.equal(web1:capture("wc -l < reloads"), "1")
  localhost.fs:remove(here, { recursive = true })
end)

test("services are restarted, asked and announced", function()
  local web1, web2 = unpack(lab.hosts(2))
  local root, fs, port, here = web1.vars.root, web1.fs, web1.vars.port, local_folder()
  local url = "http://127.0.0.1:" .. port .. "/"
  web1:run("python3 - " .. port .. " >/dev/null 2>&1 <<'END' &\n" .. SERVER .. "END")
  web1:wait_port(port, { every = "20ms" })

  -- Dry runs post nothing, and the webhook is a secret.
  local _, dry = done("deployer_slack", { webhook = url })
  expect.contains(dry.stdout, 'host:post("[secret]", ')
  expect.status(run("deployer_slack.lua", { webhook = url, command = { "false" } }), 1)
  local colors = {}
  for color in web1:capture("cat posted"):gmatch('"color":"(.-)"') do
    colors[#colors + 1] = color
  end
  expect.equal(table.concat(colors, " "), "#4d91f7 #00c100 #4d91f7 #ff0909")
  expect.contains(web1:capture("tail -n 1 posted"), '"text":"failed: web1: exited 1: false"')

  -- The first look finds two jobs, the next one none, unless they are stuck.
  local SYSTEMCTL = [[
case $1 in
kill) echo 2 > busy ;;
status) echo "[$(cat busy) of 5 busy]"; [ -e stuck ] || echo 0 > busy ;;
esac
echo "$@" >> actions
]]
  for _, host in ipairs(hosts) do
    host:run("cat > systemctl; echo 0 > busy", { stdin = SYSTEMCTL })
  end
  done("capistrano_sidekiq")
  web1:run("rm actions")
  plain("capistrano_sidekiq")
  expect.equal(web1:capture("cat actions"),
    "kill -s TSTP sidekiq\nstatus sidekiq\nstatus sidekiq\nstop sidekiq\nstart sidekiq")
  web1:run("touch stuck")
  expect.contains(plain("capistrano_sidekiq", { within = "20ms" }).stderr, "2 are running")

  web1:run("echo rows > database")
  expect.status(run("capistrano_database.lua"), 3)
  local copied = done("capistrano_database").hosts
  expect.equal(copied.web1.state .. " " .. copied.web2.state, "dumped restored")
  expect.equal(web2:capture("cat database"), "rows")
  plain("capistrano_database")

  local health = done("capistrano_health", { url = url })
  expect.equal(health.hosts.web2.state, "up")
  local down = run("capistrano_health.lua", { url = "http://127.0.0.1:1/", within = "20ms", every = "10ms" })
  expect.status(down, 3)
  expect.contains(down.error, "not up: ")
  expect.equal(down.hosts.web1.state, "down")

  local service = { port = port, units = root .. "/units" }
  fs:mkdir(service.units)
  done("pyinfra_service", service, { "web1" })
  local calls = web1:capture("cat calls")
  expect.equal(calls, "daemon-reload\nenable myweb\nrestart myweb")
  expect.equal(changes(plain("pyinfra_service", service, { "web1" })), 0)
  expect.equal(web1:capture("cat calls"), calls)

  fs:mkdir(root .. "/logs")
  web2.fs:mkdir(web2.vars.root .. "/logs")
  for _, host in ipairs(hosts) do
    host.fs:write(host.vars.root .. "/logs/error.log", "one\ntwo\n" .. host.name .. "\n")
  end
  local logs = done("fabric_logs", { into = here })
  expect.contains(logs.stdout, "two\nweb1\n")
  expect.equal(localhost.fs:read(here .. "/web2.log"), "one\ntwo\nweb2\n")
  plain("fabric_logs", { into = here })
  localhost.fs:remove(here, { recursive = true })
end)
