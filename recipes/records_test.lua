-- Tests of what scripts in lib/ print: every value arrives unchanged, and other output of start-up
-- files, wrappers and libraries is ignored.

lab.defaults() -- whatever app.lua says

local helpers = require "helpers"
local planted = require "planted_test"
local preflight = require "preflight"
local releases = require "releases"
local server = require "server"

local history = releases.history

-- NOISE is an interpreter that prints something before and after what Python prints: a field of an
-- older runbook, and half a line.
local NOISE = "#!/bin/sh\nprintf 'python\\t9.9\\n3'\n/usr/bin/python3 \"$@\"\nstatus=$?\n" ..
  "printf 'missing\\tx'\nexit $status\n"

-- make_noisy writes an interpreter that prints NOISE, and returns its path.
local function make_noisy(host)
  local path = host.vars.root .. "/python"
  host.fs:write(path, NOISE, { mode = "0755" })
  return path
end

test("a record has all its fields, whatever is in them and around it", function()
  local hard = { "", "a\tb", "\tlink\t", "one\ntwo\n\n", " ", "%s\\0\27", "" }
  local printed = "Welcome\n" .. "\0" .. table.concat(hard, "\t\0") .. "\t\0\0\n" ..
    "3\tlink" .. "\0x\t\0\0\n\0cut\t\0sho"
  expect.equal(helpers.records(printed), { hard, { "x" } })
  expect.equal(helpers.records("Welcome\nlink\t/srv\n"), {})
  expect.equal(helpers.records(""), {})
  expect.equal(select("#", helpers.record("")), 0)
end)

test("names with tabs and line breaks arrive as they are", function()
  local host = unpack(lab.hosts(1))
  local root = host.vars.root
  local paths = releases.paths({ root = root })
  planted.release(host, "r1")
  host:run({ "mkdir", "-p", root .. "/releases/r2\tlink", root .. "/releases/r3\nodd", root .. "/releases/ " })
  host:run({ "sh", "-c",
    'rm "$1/releases/r1/venv/bin/python"; ln -s "/no	python\n" "$1/releases/r1/venv/bin/python"', "sh", root })
  host.fs:write(paths.lock, "ada\tat work\n")
  local found = releases.look(host, paths)
  expect.equal(#found.list, 1)
  expect.equal(found.by_name.r1.lacks[2], "/no\tpython")
  expect.equal(found.holder, "ada\tat work")
  host:run({ "sh", "-c", 'rm "$1/current"; ln -s "$1/releases/r1\n" "$1/current"', "sh", root })
  found = releases.look(host, paths)
  expect.equal(found.current, root .. "/releases/r1\n")
  expect.equal(found.name, nil)
  expect.equal(releases.current(host, paths), root .. "/releases/r1\n")
  host:run({ "sh", "-c", 'rm "$1/current"; mkdir "$1/current"', "sh", root })
  expect.contains(preflight.current(releases.look(host, paths))[1], "/current is not a link")
end)

test("a process in a folder with a line break in its name is another one's", function()
  local host = unpack(lab.hosts(1))
  local folder = host.vars.root .. "/releases"
  host:run({ "mkdir", "-p", folder .. "/r1", folder .. "/r1\n" })
  host:run({ "sh", "-c", 'cd "$1" && { sleep 60 >/dev/null 2>&1 & echo $! > "$2"; }',
    "sh", folder .. "/r1\n", folder .. "/pid" })
  expect.contains(server.stale_process(host, folder .. "/pid", folder .. "/r1") or "", "still serves another release")
  host:run({ "sh", "-c", 'kill "$(cat "$1")"', "sh", folder .. "/pid" })
end)

test("what a Python prints at its start is not an answer", function()
  local host = unpack(lab.hosts(1))
  local noisy = make_noisy(host)
  local facts = preflight.facts(host, { root = host.vars.root, server_root = "" }, noisy)
  expect.equal(facts.python == "9.9", false)
  expect.equal(facts.venv, "yes")
  local uid, packages = helpers.record(host:script("packages.py", "/x", { interpreter = noisy }).stdout)
  expect.contains(uid, (host:capture({ "id", "-u" })))
  expect.equal(packages:sub(1, 3), "/x/")
  host.fs:write(host.vars.root .. "/wsgi.py", "print('noise')\nimport no_such_module\n")
  local text, file, line = helpers.record(host:script("import.py", "wsgi.py", "application", "", "",
    { interpreter = noisy, cwd = host.vars.root }).stdout)
  expect.contains(text, "No module named 'no_such_module'")
  expect.equal(file .. ":" .. line, "wsgi.py:2")
  local kind = helpers.record(host:script("verify.py", "/usr", "", "", { interpreter = noisy, check = false }).stdout)
  expect.equal(kind, nil)
end)

test("a line of the log that a killed run cut after a space does not swallow the next", function()
  local host = unpack(lab.hosts(1))
  local paths = releases.paths({ root = host.vars.root })
  for _, cut in ipairs({ '{"action":"release","release":"/srv/my ', '{"action":', "\n", "" }) do
    host.fs:write(paths.log, cut)
    history.append(host, paths, { action = "release", release = "r1" })
    local entries = releases.look(host, paths).entries
    expect.equal(#entries, 1)
    expect.equal(entries[1].release, "r1")
  end
end)
