-- server_args = { … } of app.lua: more options for mod_wsgi-express setup-server, checked against
-- the program's own --help.

-- OWN has the options that runbook sets itself, each with the setting of app.lua to use instead, or
-- "".
local OWN = {
  ["--server-root"] = "server_root", ["--port"] = "port", ["--processes"] = "processes", ["--threads"] = "threads",
  ["--user"] = "user", ["--group"] = "group", ["--entry-point"] = "wsgi", ["--envvars-script"] = "env",
  ["--shutdown-timeout"] = "request_seconds", ["--graceful-timeout"] = "request_seconds",
  -- These are paths through ROOT/current, or are needed to prove which release is served.
  ["--working-directory"] = "", ["--python-path"] = "", ["--pid-file"] = "",
  ["--log-directory"] = "", ["--error-log-name"] = "", ["--log-to-terminal"] = "", ["--setup-only"] = "",
  ["--embedded-mode"] = "", ["--debug-mode"] = "",
}

-- FLAGS has the options in OWN without a value.
local FLAGS = { ["--log-to-terminal"] = true, ["--setup-only"] = true, ["--embedded-mode"] = true,
  ["--debug-mode"] = true }

-- name returns the option in a word without its value, or nil.
local function name(word)
  return word:match("^(%-%-?[%a][%w-]*)")
end

-- own_option returns the option of OWN in a word, or nil. setup-server accepts abbreviations, such
-- as --proc for --processes.
local function own_option(word)
  local option = name(word)
  if option and not OWN[option] then
    for full in pairs(OWN) do
      if full:sub(1, #option) == option and #option > 2 then
        return full
      end
    end
  end
  return OWN[option or ""] and option or nil
end

-- own returns why server_args has an option that runbook sets itself, or nil.
local function own(args)
  for _, word in ipairs(args) do
    local option = own_option(word)
    if option then
      return "runbook sets " .. option .. " itself; " ..
        (OWN[option] ~= "" and "set " .. OWN[option] .. " instead" or "leave it out")
    end
  end
  return nil
end

-- parse returns the options that a help text of optparse lists, each with the metavars of its
-- values: { ["--url-alias"] = { "URL-PATH", "FILE-PATH|DIRECTORY-PATH" }, ["--http2"] = {} }.
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

-- known returns the options of a program's setup-server, or nil where it does not run, as before
-- its release exists.
local function known(host, program)
  if not program then
    return nil
  end
  local options = parse(host:capture({ program, "setup-server", "--help" }, { check = false }))
  return next(options) and options or nil
end

-- walk calls fn(option, values, metavars) for each option of server_args. values is nil for a word
-- that belongs to no option. options has the metavars of each option's values.
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

-- problem returns what is wrong with server_args according to the program's --help, or nil.
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
        found = option .. " is not an option of it"
      elseif #values ~= #takes then
        found = option .. " takes " .. #takes .. " value" .. (#takes == 1 and "" or "s") .. ": " ..
          table.concat(takes, " ")
      end
    end)
  end
  return found and { "server_args in recipes/app.lua does not fit " .. program .. ": " .. found,
    program .. " setup-server --help lists the options" } or nil
end

-- resolve returns server_args with relative paths, which are in the repository, replaced by paths
-- under ROOT/current.
local function resolve(args, host, program, current)
  local options = #args > 0 and known(host, program) or nil
  if not options then
    return args
  end
  local list = {}
  walk(args, options, function(option, values, takes)
    list[#list + 1] = option
    for i, value in ipairs(values or {}) do
      local kind = takes and takes[i] or ""
      local path = kind:find("FILE%-PATH") or kind:find("DIRECTORY%-PATH") or kind:find("SCRIPT%-PATH")
      list[#list + 1] = path and value:sub(1, 1) ~= "/" and current .. "/" .. value or value
    end
  end)
  return list
end

-- ESCAPES has the escapes of Python's repr that are neither the character itself nor a number.
local ESCAPES = { n = "\n", r = "\r", t = "\t" }

-- DIGITS has the number of hex digits after \x, \u and \U.
local DIGITS = { x = 2, u = 4, U = 8 }

-- utf8 returns the character with a number.
local function utf8(number)
  if number < 0x80 then
    return string.char(number)
  end
  local bytes, first = "", number < 0x800 and 0xC0 or number < 0x10000 and 0xE0 or 0xF0
  for _ = 1, number < 0x800 and 1 or number < 0x10000 and 2 or 3 do
    bytes = string.char(0x80 + number % 64) .. bytes
    number = math.floor(number / 64)
  end
  return string.char(first + number % 64) .. bytes
end

-- decode_escape returns the character of an escape whose letter is at i, and its length without the
-- backslash.
local function decode_escape(text, i)
  local letter = text:sub(i, i)
  local count = DIGITS[letter] or 0
  local number = count > 0 and tonumber(text:match("^%x+", i + 1) and text:sub(i + 1, i + count) or "", 16)
  if number and number < 0x110000 then
    return utf8(number), 1 + count
  end
  return ESCAPES[letter] or letter, 1
end

-- words parses a list of strings as Python prints it: ['setup-server', "it's"].
local function words(text)
  local list, i = {}, 1
  while true do
    local start, _, mark = text:find("(['\"])", i)
    if not start then
      return list
    end
    local word, j = {}, start + 1
    while j <= #text and text:sub(j, j) ~= mark do
      local char, length = text:sub(j, j), 0
      if char == "\\" then
        char, length = decode_escape(text, j + 1)
      end
      word[#word + 1], j = char, j + 1 + length
    end
    list[#list + 1], i = table.concat(word), j + 1
  end
end

-- to_lua returns a text as a Lua string literal.
local function to_lua(text)
  return '"' .. text:gsub('[%c"\\]', function(char)
    return char:find("%c") and ("\\%03d"):format(char:byte()) or "\\" .. char
  end) .. '"'
end

-- DEFAULTS has the defaults of setup-server.
local DEFAULTS = { port = "8000", processes = "1", threads = "5" }

-- repository_path returns the path of a WSGI script in the repository, from its path and the
-- application's folder. It returns the name of the file where the script is not inside the folder.
local function repository_path(path, folder)
  local within = folder and path:sub(1, #folder + 1) == folder:gsub("/+$", "") .. "/" and path:sub(#folder + 2)
  return within or path:sub(1, 1) ~= "/" and path or path:match("[^/]+$") or path
end

-- settings returns the settings of app.lua for a command line of setup-server, by name, and
-- server_args. options has the options of the program.
local function settings(argv, options)
  local set, rest = {}, {}
  local takes = setmetatable({}, { __index = function(_, option)
    local full = own_option(option)
    return options[option] or full and (FLAGS[full] and {} or { "VALUE" }) or nil
  end })
  walk({ unpack(argv, 3) }, takes, function(option, values)
    local full = own_option(option)
    if not values and not set.wsgi then
      set.wsgi = option
    elseif full then
      set[OWN[full]] = values and values[1]
      set.folder = full == "--working-directory" and values[1] or set.folder
    else
      rest[#rest + 1] = to_lua(option)
      for _, value in ipairs(values or {}) do
        rest[#rest + 1] = to_lua(value)
      end
    end
  end)
  set.wsgi = set.wsgi and repository_path(set.wsgi, set.folder)
  return set, rest
end

-- reproduce returns the lines of app.lua that take over a configuration, from the command line in
-- its header. It asks the program for its options.
local function reproduce(header, root, host, program)
  local argv = words(header)
  local set, rest = settings(argv, known(host, program) or {})
  local lines = { "server_root = " .. to_lua(root) .. "," }
  for _, setting in ipairs({ "wsgi", "port", "processes", "threads", "user", "group", "request_seconds" }) do
    local text = set[setting] or (#argv > 0 and DEFAULTS[setting] or nil)
    lines[#lines + 1] = text and setting .. " = " .. (text:find("^%d+$") and text or to_lua(text)) .. "," or nil
  end
  if #rest > 0 then
    lines[#lines + 1] = "server_args = { " .. table.concat(rest, ", ") .. " },"
  end
  if set.env then
    lines[#lines + 1] = "env = { … }, -- what " .. set.env .. " exports"
  end
  return (#argv > 0 and "it was written by: " .. table.concat(argv, " ") .. "\n" or "") ..
    "to take it over, put these lines into recipes/app.lua and run recipes/setup.lua --adopt:\n  " ..
    table.concat(lines, "\n  ") ..
    "\nor name another --server-root"
end

-- value returns the value of an option with one value in server_args, or nil.
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

return {
  value = value, own = own, parse = parse, walk = walk, problem = problem, resolve = resolve, words = words,
  reproduce = reproduce,
}
