-- Ports pyinfra's example of a web server: a systemd unit, its files, and a restart after a change.
-- 33 lines of code, the original, without its user and sudoers, has 49.
local options = recipe {
  summary = "run a web server as a service",
  hosts = "production",
  options = {
    root = { "/srv/myweb", "what it serves" },
    units = { "/etc/systemd/system", "the folder of the units" },
    port = { 8000, "its port" },
    systemctl = { "sudo -n systemctl", "the program", lab = "echo >> calls" },
  },
}
local UNIT = [[
[Service]
WorkingDirectory={{ root }}/web
ExecStart=/usr/bin/python3 -m http.server {{ port }}
Restart=always
[Install]
WantedBy=multi-user.target
]]

each(hosts, function(host)
  step("configure", function()
    host:on_change("myweb", function()
      for _, action in ipairs({ "daemon-reload", "enable myweb", "restart myweb" }) do
        host:run(options.systemctl .. " " .. action)
      end
    end)
    host:file(options.units .. "/myweb.service",
      { text = template(UNIT, { root = options.root, port = options.port }) })
    host.fs:mkdir(options.root .. "/web")
    host:file(options.root .. "/web/index.html", { text = "<p>" .. host.name .. "\n" })
    host.fs:symlink(options.root .. "/web/index.html", options.root .. "/web/index.htm")
  end)
  host:wait_port(options.port)
end)
