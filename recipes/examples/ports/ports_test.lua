-- Tests of the ports: each runs on the same two hosts, one after the other.

-- done runs a port, which must succeed.
local function done(name, values)
  local result = run(name .. ".lua", values)
  expect.status(result, 0)
  return result
end

test("each port does what the script that it comes from does", function()
  local web1, web2 = unpack(lab.hosts(2))
  lab.repo({ ["manage.py"] = "" })
  local root, fs = web1.vars.root, web1.fs

  expect.equal(done("fabric_disk").hosts.web2.system, web2:capture("uname -s"))
  done("fabric_django")
  expect.equal(fs:exists(root .. "/site/manage.py"), true)
  local into = localhost:run({ "mktemp", "-d" }).stdout:match("%S+")
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
  expect.equal(done("ansible_authorized_keys").hosts.web1.state, "as it was")
  expect.equal(fs:stat(root .. "/.ssh/authorized_keys").mode, "0600")
  done("ansible_nginx")
  expect.equal(fs:read(root .. "/sites/example.org"):match("server 127[^\n]*8002;"), "server 127.0.0.1:8002;")
  done("ansible_rolling")
  expect.equal(web1:capture("cat pool"), "set server web/web1 state drain\nset server web/web1 state ready\n"
    .. "set server web/web2 state drain\nset server web/web2 state ready")

  done("pyinfra_virtualenv")
  expect.equal(fs:exists(root .. "/tool/bin/python"), true)
  done("pyinfra_files")
  done("pyinfra_files")
  expect.equal(fs:read(root .. "/conf/sysctl.conf"), "net.core.somaxconn=1024\n")
  done("rex_backup", { into = into })
  expect.equal(localhost:capture({ "zcat", into .. "/web2.sql.gz" }), "a dump")
  localhost.fs:remove(into, { recursive = true })
  done("spot_compose")
  expect.equal(fs:read(root .. "/compose/compose.yml"):match("image: (%S+)"), "registry.example.org/app:latest")
end)
