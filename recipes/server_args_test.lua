-- Tests of server_args and env in app.lua, and of reading the command line in an apachectl.

lab.defaults() -- whatever app.lua says

local common = require "options"
local server_args = require("mod_wsgi").server_args

-- HELP has lines of the help text of mod_wsgi-express 6.0.5.
local HELP = [[
Usage: mod_wsgi-express setup-server script [options]

Options:
  -h, --help            show this help message and exit
  --application-type TYPE
                        The type of WSGI application entry point that was
                        provided, as with --processes.
  --host IP-ADDRESS     The specific host (IP address) interface.
  --http2               Flag indicating whether HTTP/2 should be
                        --enabled.
  --url-alias URL-PATH FILE-PATH|DIRECTORY-PATH
                        Map a single static file or directory.
  --add-handler EXTENSION SCRIPT-PATH
  --trust-proxy-header=HEADER-NAME
                        The name of any trusted HTTP header.
]]

test("parse finds the options of a help text and their values", function()
  expect.equal(server_args.parse(HELP), {
    ["--application-type"] = { "TYPE" }, ["--host"] = { "IP-ADDRESS" }, ["--http2"] = {},
    ["--url-alias"] = { "URL-PATH", "FILE-PATH|DIRECTORY-PATH" }, ["--add-handler"] = { "EXTENSION", "SCRIPT-PATH" },
    ["--trust-proxy-header"] = { "HEADER-NAME" },
  })
  expect.equal(server_args.parse("mod_wsgi-express: not found"), {})
end)

test("walk finds the values of each option", function()
  local options = server_args.parse(HELP)
  for _, case in ipairs({
    { { "--http2", "--host", "0.0.0.0" }, "--http2() --host(0.0.0.0)" },
    { { "--host=::", "--http2" }, "--host(::) --http2()" },
    { { "--host=" }, "--host()" },
    { { "--url-alias", "/a", "--http2", "--host", "h" }, "--url-alias(/a,--http2) --host(h)" },
    { { "--url-alias=/a", "b", "c" }, "--url-alias(/a,b) c" },
    { { "--url-alias", "/a" }, "--url-alias(/a)" },
    { { "x", "--nosuch", "y", "--nosuch=z" }, "x --nosuch() y --nosuch(z)" },
    { { "-", "--", "" }, "- -- " }, { {}, "" },
  }) do
    local seen = {}
    server_args.walk(case[1], options, function(option, values)
      seen[#seen + 1] = option .. (values and "(" .. table.concat(values, ",") .. ")" or "")
    end)
    expect.equal(table.concat(seen, " "), case[2])
  end
end)

test("words parses a list as Python prints it", function()
  for _, case in ipairs({
    { [=[['mod_wsgi-express', 'setup-server', 'wsgi.py']]=], { "mod_wsgi-express", "setup-server", "wsgi.py" } },
    { [=[["it's", 'say "hi"', 'both \' and "']]=], { "it's", 'say "hi"', "both ' and \"" } },
    { [=[['a, b', '', 'back\\slash', 'tab\tnew\nline', '\x1b']]=],
      { "a, b", "", "back\\slash", "tab\tnew\nline", "\27" } },
    { "['cut of", { "cut of" } }, { "['cut\\", { "cut" } }, { "[]", {} }, { "", {} }, { "httpd", {} },
  }) do
    expect.equal(server_args.words(case[1]), case[2], case[1])
  end
end)

-- RANDOM prints lists of random words for a seed: each as Python prints it, and as JSON.
local RANDOM = [[
import json, random, sys
random.seed(sys.argv[1])
for _ in range(500):
    words = ["".join(random.choices(
        """ab'"\\,[] \n\t\r\x00\x1b\x7f\xe9\xad\u2026\u200b\U0001f600\U000e0001""",
        k=random.randrange(8))) for _ in range(4)]
    print(repr(words).encode("ascii", "backslashreplace").decode() if random.random() < 0.5 else repr(words))
    print(json.dumps(words))
]]

test("words parses any list that Python prints", function()
  local host, seed = unpack(lab.hosts(1)), tostring(clock.now())
  local printed
  local text = host:capture({ "python3", "-c", RANDOM, seed }, { env = { PYTHONIOENCODING = "utf-8" } })
  for line in text:gmatch("[^\n]+") do
    if not printed then
      printed = line
    else
      expect.equal(server_args.words(printed), json.decode(line), "seed " .. seed .. ": " .. line)
      printed = nil
    end
  end
end)

test("options that runbook sets itself are refused, abbreviated or not", function()
  for _, case in ipairs({
    { { "--port", "80" }, "runbook sets --port itself; set port instead" },
    { { "--processes=4" }, "runbook sets --processes itself; set processes instead" },
    { { "--http2", "--proc", "4" }, "runbook sets --processes itself" },
    { { "--graceful-timeout=1" }, "set request_seconds instead" },
    { { "--envvars-script", "x" }, "set env instead" },
    { { "--server-root", "/x" }, "set server_root instead" },
    { { "--python-path", "/x" }, "runbook sets --python-path itself; leave it out" },
  }) do
    expect.contains(common.server_args_problem(case[1]) or "", case[2])
  end
  expect.equal(common.server_args_problem({
    "--process-name", "x", "--host", "y", "--log-level", "info", "--server-name", "z", "port",
  }), nil)
end)

test("the program's help decides what is wrong, and paths go through current", function()
  local host = unpack(lab.hosts(1))
  local program = host.vars.root .. "/mod_wsgi-express"
  host.fs:write(program, "#!/bin/sh\ncat <<'END'\n" .. HELP .. "END\n", { mode = "0755" })
  for _, case in ipairs({
    { { "--nosuch", "x" }, "--nosuch is not an option of it" },
    { { "--url", "/a", "b" }, "--url is not an option of it" },
    { { "--url-alias", "/a" }, "--url-alias takes 2 values: URL-PATH FILE-PATH|DIRECTORY-PATH" },
    { { "--host" }, "--host takes 1 value: IP-ADDRESS" }, { { "--http2=yes" }, "--http2 takes 0 values" },
    { { "--http2", "x" }, '"x" belongs to no option' }, { { "-v" }, "-v is not an option of it" },
  }) do
    local problem = server_args.problem(case[1], host, program) or { "nothing", "" }
    expect.contains(problem[1], "server_args in recipes/app.lua does not fit " .. program .. ": ")
    expect.contains(problem[1], case[2])
    expect.contains(problem[2], program .. " setup-server --help")
  end
  local fits = {
    "--url-alias", "/static", "static", "--url-alias=/icon", "icon.png", "--add-handler", ".cgi", "bin/x", "--http2",
    "--url-alias", "/etc", "/etc",
  }
  expect.equal(server_args.problem(fits, host, program), nil)
  expect.equal(server_args.resolve(fits, host, program, "/srv/app/current"), {
    "--url-alias", "/static", "/srv/app/current/static", "--url-alias", "/icon", "/srv/app/current/icon.png",
    "--add-handler", ".cgi", "/srv/app/current/bin/x", "--http2", "--url-alias", "/etc", "/etc",
  })
  expect.equal(server_args.problem(fits, host, program .. ".missing"), nil) -- it cannot be asked
end)

test("reproduce returns the lines of app.lua for a command line", function()
  local host = unpack(lab.hosts(1))
  local program = host.vars.root .. "/mod_wsgi-express"
  host.fs:write(program, "#!/bin/sh\ncat <<'END'\n" .. HELP .. "END\n", { mode = "0755" })
  for _, case in ipairs({
    { { "app/wsgi.py", "--port", "8080", "--processes=4", "--proc", "5" },
      'wsgi = "app/wsgi.py",\n  port = 8080,\n  processes = 5,\n  threads = 5,\nor' },
    { { "--setup-only", "--port", "80", "--host", "::", "wsgi.py" },
      'wsgi = "wsgi.py",\n  port = 80,\n  processes = 1,\n  threads = 5,\n' ..
        '  server_args = { "--host", "::" },\nor' },
    { { "--log-to-terminal", "--http2", "/srv/old/app/wsgi.py", "--working-directory", "/srv/old" },
      'wsgi = "app/wsgi.py",\n  port = 8000,\n  processes = 1,\n  threads = 5,\n  server_args = { "--http2" },\nor' },
    { { "/srv/old/site.wsgi", "--user", "www-data", "--shutdown-timeout", "9", "--python-path=/x" },
      'wsgi = "site.wsgi",\n  port = 8000,\n  processes = 1,\n  threads = 5,\n' ..
        '  user = "www-data",\n  request_seconds = 9,\nor' },
    { { "w.py", "--url-alias", "/s", 'sta"tic\n', "--envvars-script", "env.sh" },
      'server_args = { "--url-alias", "/s", "sta\\"tic\\010" },\n  env = { … }, -- what env.sh exports\nor' },
  }) do
    local quoted = {}
    for i, word in ipairs(case[1]) do
      quoted[i] = "'" .. word:gsub("\n", "\\n") .. "'"
    end
    local header = "['mod_wsgi-express', 'setup-server', " .. table.concat(quoted, ", ") .. "]"
    local text = server_args.reproduce(header, "/srv/x/server", host, program)
    expect.contains(text, "it was written by: mod_wsgi-express setup-server " .. case[1][1])
    expect.contains(text, '\n  server_root = "/srv/x/server",\n')
    expect.contains(text, case[2])
  end
  local other = server_args.reproduce("", "/srv/x", host, nil) -- another tool's apachectl
  expect.contains(other, 'to take it over, put these lines into recipes/app.lua ' ..
    'and run recipes/setup.lua --adopt:\n  server_root = "/srv/x",\nor')
end)
