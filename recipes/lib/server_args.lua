-- Checks server_args = { … } of app.lua, more options for mod_wsgi-express setup-server, against the program's own --help.

-- OWN are the options that runbook gives itself, and what to set in app.lua instead; "" for nothing.
local OWN = {
  ["--server-root"] = "server_root", ["--port"] = "port", ["--processes"] = "processes", ["--threads"] = "threads",
  ["--user"] = "user", ["--group"] = "group", ["--entry-point"] = "wsgi", ["--envvars-script"] = "env",
  ["--shutdown-timeout"] = "request_seconds", ["--graceful-timeout"] = "request_seconds",
  -- Paths through ROOT/current, and what proves which release is served.
  ["--working-directory"] = "", ["--python-path"] = "", ["--pid-file"] = "",
  ["--log-directory"] = "", ["--error-log-name"] = "", ["--log-to-terminal"] = "", ["--setup-only"] = "",
  ["--embedded-mode"] = "", ["--debug-mode"] = "",
}

-- name returns the option that a word is, without its value, or nil.
local function name(word)
  return word:match("^(%-%-?[%a][%w-]*)")
end

-- own returns why a word of server_args is not for app.lua to give, or nil.
local function own(args)
  for _, word in ipairs(args) do
    local setting = OWN[name(word) or ""]
    if setting then
      return "runbook gives " .. name(word) .. " itself; " .. (setting ~= "" and "set " .. setting .. " instead" or "leave it out")
    end
  end
  return nil
end

-- parse returns the options that a help text of optparse lists, each with the metavars of its values:
-- { ["--url-alias"] = { "URL-PATH", "FILE-PATH|DIRECTORY-PATH" }, ["--http2"] = {} }.
local function parse(help)
  local options = {}
  for line in help:gmatch("[^\n]+") do
    local option, rest = line:match("^  ?(%-%-[%w-]+)(.*)$")
    if option then
      options[option] = {}
      local values = rest:match("^[= ](%S.*)$")
      for metavar in ((values or "") .. "  "):match("^(.-)%s%s"):gmatch("%S+") do
        table.insert(options[option], metavar)
      end
    end
  end
  return options
end

-- known returns the options that a program's setup-server takes, or nil where it cannot be asked, as before its release is made.
local function known(host, program)
  local answer = host:capture({ program, "setup-server", "--help" }, { check = false })
  local options = parse(answer)
  return next(options) and options or nil
end

-- walk calls fn(option, values) for each option of server_args; values is nil for a word that belongs to none.
-- options says how many values each takes.
local function walk(words, options, fn)
  local i = 1
  while i <= #words do
    local option = name(words[i])
    local attached = option and words[i]:sub(#option + 1, #option + 1) == "="
    local takes = options[option or ""]
    local values = {}
    if attached then
      values[1] = words[i]:sub(#option + 2)
    end
    while takes and #values < #takes and words[i + 1] do
      i = i + 1
      values[#values + 1] = words[i]
    end
    fn(option or words[i], option and values or nil, takes)
    i = i + 1
  end
end

-- problem returns what is wrong with server_args by the program's own --help, or nil.
local function problem(args, host, program)
  local options = #args > 0 and known(host, program) or nil
  local found
  if options then
    walk(args, options, function(option, values, takes)
      if found then
        return
      elseif not values then
        found = "\"" .. option .. "\" belongs to no option"
      elseif not takes then
        found = option .. " is no option of it"
      elseif #values ~= #takes then
        found = option .. " takes " .. #takes .. " value" .. (#takes == 1 and "" or "s") .. ": " .. table.concat(takes, " ")
      end
    end)
  end
  return found and { "server_args in recipes/app.lua does not fit " .. program .. ": " .. found,
    program .. " setup-server --help lists the options" } or nil
end

-- resolve returns server_args with the paths in them, which are relative to the repository, under ROOT/current.
local function resolve(args, host, program, current)
  local options = #args > 0 and known(host, program) or nil
  if not options then
    return args
  end
  local list = {}
  walk(args, options, function(option, values, takes)
    list[#list + 1] = option
    for i, value in ipairs(values or {}) do
      local path = (takes[i] or ""):find("FILE%-PATH") or (takes[i] or ""):find("DIRECTORY%-PATH") or (takes[i] or ""):find("SCRIPT%-PATH")
      list[#list + 1] = path and value:sub(1, 1) ~= "/" and current .. "/" .. value or value
    end
  end)
  return list
end

-- words returns the words of a Python list of strings as Python prints it: ['setup-server', "it's"].
local function words(text)
  local list, i = {}, 1
  while true do
    local start, _, mark = text:find("(['\"])", i)
    if not start then
      return list
    end
    local word, j = {}, start + 1
    while j <= #text and text:sub(j, j) ~= mark do
      if text:sub(j, j) == "\\" then
        j = j + 1
      end
      word[#word + 1] = text:sub(j, j)
      j = j + 1
    end
    list[#list + 1], i = table.concat(word), j + 1
  end
end

-- reproduce returns how to take over a configuration, from the command line in its header: the lines for app.lua.
local function reproduce(header, root)
  local argv = words(header)
  local lines, rest, i = { ("server_root = %q,"):format(root) }, {}, 3
  while argv[i] do
    local option = name(argv[i])
    local setting = OWN[option or ""]
    local value = option and argv[i]:match("^[^=]*=(.*)$")
    if option and not value and setting then
      i = i + 1
      value = argv[i]
    end
    if setting and setting ~= "" and option ~= "--server-root" and value then
      lines[#lines + 1] = setting .. " = " .. (tonumber(value) and value or ("%q"):format(value)) .. ","
    elseif not setting and option then
      rest[#rest + 1] = ("%q"):format(argv[i])
    elseif not setting and #rest == 0 then
      lines[#lines + 1] = ("wsgi = %q,"):format(argv[i]:match("[^/]+$") or argv[i])
    elseif not setting then
      rest[#rest + 1] = ("%q"):format(argv[i])
    end
    i = i + 1
  end
  if #rest > 0 then
    lines[#lines + 1] = "server_args = { " .. table.concat(rest, ", ") .. " },"
  end
  return (#argv > 0 and "it was written by: " .. table.concat(argv, " ") .. "\n" or "") ..
    "to take it over, put these lines into recipes/app.lua and run recipes/setup.lua --adopt:\n  " .. table.concat(lines, "\n  ") ..
    "\nor name another --server-root"
end

-- value returns the value of an option in server_args, or nil. It serves options that say where the server listens.
local function value(args, option)
  for i, word in ipairs(args) do
    if word == option then
      return args[i + 1]
    elseif word:sub(1, #option + 1) == option .. "=" then
      return word:sub(#option + 2)
    end
  end
  return nil
end

return { value = value, own = own, problem = problem, resolve = resolve, words = words, reproduce = reproduce }
