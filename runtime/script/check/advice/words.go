package advice

// Options are names that other tools give to options, and what to write here. The first word of
// each is an option: the entry applies only if that option exists.
var Options = map[string][]string{
	"user":          {`sudo = "NAME", to run as another user`},
	"become":        {"sudo = true"},
	"become_user":   {`sudo = "NAME"`},
	"root":          {"sudo = true"},
	"ignore_errors": {"check = false"}, "ignore_error": {"check = false"}, "warn": {"check = false"},
	"warn_only": {"check = false"}, "failed_when": {"check = false"}, "raise_on_error": {"check = false"},
	"abort": {"check = false"},
	"chdir": {`cwd = "…"`}, "dir": {`cwd = "…"`}, "directory": {`cwd = "…"`}, "workdir": {`cwd = "…"`},
	"cd":          {`cwd = "…"`},
	"environment": {"env = { NAME = value }"}, "environ": {"env = { NAME = value }"},
	"vars":  {"env = { NAME = value }"},
	"input": {"stdin = text"}, "parallel": {"at_once = 10"}, "forks": {"at_once = 10"},
	"concurrency": {"at_once = 10"}, "limit": {"at_once = 10"}, "serial": {"at_once = 1, which is the default"},
	"recurse":     {"recursive = true", "parents = true, which is the default"},
	"force":       {"replace = true, which is the default"},
	"permissions": {`mode = "0644"`}, "perm": {`mode = "0644"`}, "perms": {`mode = "0644"`},
	"delay": {`every = "1s"`, `pause = "1s"`}, "attempts": {"times = 3"}, "tries": {"times = 3"},
	"count":   {"times = 3"},
	"timeout": {`within = "60s"`}, "interval": {`every = "1s"`}, "retries": {"times = 3"},
	"content": {`text = "…"`}, "contents": {`text = "…"`}, "body": {`text = "…"`}, "src": {`from = "…"`},
	"source": {`from = "…"`},
	"shell":  {"cwd = …; a command that is a string runs in /bin/sh"},
}

// Elsewhere maps options of other tools to what does the same here.
var Elsewhere = map[string]string{
	"owner":    `; use host.fs:chown, or owner = "…" of host:file`,
	"group":    `; use host.fs:chown, or group = "…" of host:file`,
	"parallel": "; at_once belongs to each, such as each(hosts, { at_once = 10 }, function(host) … end)",
	"hide":     "; the output is shown only after an error, and with -v",
	"quiet":    "; the output is shown only after an error, and with -v",
	"pty":      "; commands have no terminal", "capture": "; the result has .stdout, and host:capture returns it",
	"when": "; write if … then … end", "register": "; write local r = …", "notify": "; write if changed then … end",
	"tags": "; choose hosts with tagged(\"…\")", "creates": "; write if not host.fs:exists(\"…\") then … end",
}

// Globals are functions of other languages and tools, and what to write here.
var Globals = map[string]string{
	"len": "#list or #text", "str": "tostring(value)", "int": "tonumber(text)", "float": "tonumber(text)",
	"printf": "print, with (…):format(…)",
	"echo":   "print or log.info", "puts": "print or log.info", "sprintf": "(…):format(…)", "exit": "fail(message)",
	"die":   "fail(message)",
	"raise": "fail(message) or error(message)", "throw": "fail(message) or error(message)",
	"sudo":  "host:run(cmd, { sudo = true })",
	"shell": "host:run(cmd)", "run": "host:run(cmd)", "capture": "host:capture(cmd)", "test": "host:test(cmd)",
	"upload": "host:upload(local, remote)",
	"put":    "host:upload(local, remote)", "get": "host:download(remote, local)",
	"time":     "clock.now() or sleep(\"1s\")",
	"open":     "host.fs:read(path)",
	"continue": "goto continue, with ::continue:: before the end of the loop", "self": "the value as a parameter",
	"this": "the value as a parameter",
	"task": "step(title, function() … end)", "host": "each(hosts, function(host) … end), which passes it",
	"join": "table.concat(list, \" \")", "range": "for i = 1, n do",
	"try":  "local ok, err = pcall(function() … end)",
	"arg":  "options.NAME, which recipe { options = { NAME = … } } declares",
	"argv": "options.NAME, which recipe { options = { NAME = … } } declares",
	"sys":  "options.NAME, which recipe { options = { NAME = … } } declares",
	"f":    "\"…\" .. value .. \"…\", or (\"… %s\"):format(value)", "isinstance": "type(value) == \"string\"",
	"console": "print or log.info", "subprocess": "localhost:run(cmd)",
}

// Library are functions of other languages in a library of Lua, and what to write here.
var Library = map[string]string{
	"os.sleep": "sleep(\"1s\")", "os.execute": "localhost:run(cmd)", "os.exit": "fail(message)",
	"os.remove": "host.fs:remove(path)",
	"os.rename": "host.fs:rename(from, to)", "os.popen": "localhost:capture(cmd)", "table.unpack": "unpack(list)",
	"table.length": "#list",
	"table.getn":   "#list", "table.join": "table.concat(list, \" \")",
	"table.contains": "a loop with for _, item in ipairs(list)",
	"table.pack":     "{ … }", "string.join": "table.concat(list, \" \")",
	"string.split": "for word in text:gmatch(\"%S+\") do",
	"string.trim":  "text:match(\"^%s*(.-)%s*$\")", "string.strip": "text:match(\"^%s*(.-)%s*$\")",
	"string.replace":    "text:gsub(pattern, new)",
	"string.startswith": "text:sub(1, #start) == start", "string.contains": "text:find(part, 1, true)",
	"string.length":     "#text",
	"string.splitlines": "for line in text:gmatch(\"[^\\n]+\") do",
	"string.lines":      "for line in text:gmatch(\"[^\\n]+\") do",
}

// Members are what other tools call the methods and fields of a host.
var Members = map[string]string{
	"shell": "host:run(cmd)", "exec": "host:run(cmd)", "cmd": "host:run(cmd)", "command": "host:run(cmd)",
	"execute": "host:run(cmd)",
	"sudo":    "host:run(cmd, { sudo = true })",
	"put":     "host:upload(local, remote)", "copy": "host:upload(local, remote)",
	"get": "host:download(remote, local)", "fetch": "host:download(remote, local)", "read": "host.fs:read(path)",
	"write":  "host.fs:write(path, text)",
	"exists": "host.fs:exists(path)", "mkdir": "host.fs:mkdir(path)", "remove": "host.fs:remove(path)",
	"rm":      "host.fs:remove(path)",
	"symlink": "host.fs:symlink(target, path)", "link": "host.fs:symlink(target, path)", "ls": "host.fs:list(path)",
	"list":     "host.fs:list(path)",
	"hostname": "host.name or host.address", "ip": "host.address", "sleep": "sleep(\"1s\")",
	"clone":   "host.git:clone{ … }",
	"service": "host:run({ \"systemctl\", \"restart\", name }, { sudo = true })",
	"restart": "host:run({ \"systemctl\", \"restart\", name }, { sudo = true })",
}

// Functions are what other languages and tools call the functions of a group, by GROUP.NAME, and
// what to write here.
var Functions = map[string]string{
	"fs.append": "host.fs:write(path, text, { append = true })", "fs.touch": "host.fs:write(path, \"\")",
	"fs.cat":    "host.fs:read(path)",
	"fs.delete": "host.fs:remove(path)", "fs.unlink": "host.fs:remove(path)", "fs.rm": "host.fs:remove(path)",
	"fs.rmdir": "host.fs:remove(path)", "fs.rmtree": "host.fs:remove(path, { recursive = true })",
	"fs.ls":      "host.fs:list(path)",
	"fs.listdir": "host.fs:list(path)", "fs.makedirs": "host.fs:mkdir(path)", "fs.mkdir_p": "host.fs:mkdir(path)",
	"fs.move": "host.fs:rename(from, to)", "fs.mv": "host.fs:rename(from, to)",
	"fs.link": "host.fs:symlink(target, path)",
	"fs.copy": "host:run({ \"cp\", from, to })", "fs.cp": "host:run({ \"cp\", from, to })",
	"fs.size":   "host.fs:stat(path).size",
	"fs.is_dir": "host.fs:stat(path).kind == \"folder\"", "fs.isdir": "host.fs:stat(path).kind == \"folder\"",
	"fs.is_file": "host.fs:stat(path).kind == \"file\"", "fs.isfile": "host.fs:stat(path).kind == \"file\"",
	"json.parse": "json.decode(text)", "json.loads": "json.decode(text)", "json.stringify": "json.encode(value)",
	"json.dumps": "json.encode(value)", "yaml.load": "yaml.decode(text)", "yaml.dump": "yaml.encode(value)",
	"log.error": "fail(message), or log.warn(message)", "log.debug": "log.info(message)",
	"log.print":  "log.info(message)",
	"clock.time": "clock.now()", "clock.format": "clock.utc(format)",
}
