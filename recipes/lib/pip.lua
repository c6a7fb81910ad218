-- What pip and uv are told. A command line can be read by everybody on the host, and an index's URL may have a password in
-- it: such URLs go by the environment of the process instead.

-- The options that take URLs, with the variables that say the same.
local PIP = {
  ["-i"] = "PIP_INDEX_URL", ["--index-url"] = "PIP_INDEX_URL", ["--pypi-url"] = "PIP_INDEX_URL", ["--extra-index-url"] = "PIP_EXTRA_INDEX_URL",
  ["-f"] = "PIP_FIND_LINKS", ["--find-links"] = "PIP_FIND_LINKS", ["--proxy"] = "PIP_PROXY",
}
local UV = {
  ["-i"] = "UV_INDEX_URL", ["--index-url"] = "UV_INDEX_URL", ["--default-index"] = "UV_DEFAULT_INDEX",
  ["--extra-index-url"] = "UV_EXTRA_INDEX_URL", ["--index"] = "UV_INDEX", ["-f"] = "UV_FIND_LINKS", ["--find-links"] = "UV_FIND_LINKS",
}

-- BETWEEN is what stands between the values of an option that adds up. Of the others the last one counts.
local BETWEEN = {
  PIP_EXTRA_INDEX_URL = " ", PIP_FIND_LINKS = " ", UV_EXTRA_INDEX_URL = " ", UV_INDEX = " ", UV_FIND_LINKS = ",",
}

-- LOGIN finds the user and the password of a URL.
local LOGIN = "(%a[%w+.-]*://)[^/?#%s]*@"

-- public returns an argument without the users and passwords of URLs. Those of ssh stay: they are no secret.
local function public(word)
  return (word:gsub(LOGIN, function(scheme)
    return not scheme:lower():find("ssh://$") and scheme or nil
  end))
end

-- parse takes an argument apart: the option, and its value if it is in the same argument.
local function parse(word)
  if word:sub(1, 2) == "--" then
    local name, value = word:match("^(%-%-[^=]+)=(.*)$")
    return name or word, value
  elseif word:sub(1, 1) == "-" and #word > 2 then
    return word:sub(1, 2), word:sub(3)
  end
  return word, nil
end

-- arguments returns those of pip_arg that may stand on a command line, and the variables that say the rest.
local function arguments(options)
  local variables = options.venv == "uv" and UV or PIP
  local words, env, i, given = {}, {}, 1, options.pip_arg
  while i <= #given do
    local name, value = parse(given[i])
    local variable, last = variables[name], i
    if variable and not value then
      last = i + 1
      value = given[last]
    end
    -- A folder stays: with a space in it no variable could say it.
    if variable and value and value:find("://", 1, true) then
      local between = BETWEEN[variable]
      env[variable] = between and env[variable] and env[variable] .. between .. value or value
    else
      for at = i, math.min(last, #given) do
        words[#words + 1] = given[at]
      end
    end
    i = last + 1
  end
  return words, env
end

-- problem says which argument would put a password on the command line, or returns nil.
local function problem(options)
  for _, word in ipairs((arguments(options))) do
    if public(word) ~= word then
      return { "everybody on the host could read the password in the argument " .. public(word) .. " for " ..
        (options.venv == "uv" and "uv" or "pip"), "write the URL into the requirements file without it, and the password into ~/.netrc on the host" }
    end
  end
  return nil
end

return { arguments = arguments, problem = problem, public = public }
