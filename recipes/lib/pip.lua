-- What pip and uv are told. A command line can be read by everybody on the host, and an index's URL may have a password in
-- it: such URLs go by the environment of the process instead.
--
-- To build a package in isolation, pip starts another pip, and hands its indexes to that on a command line. So where pip can
-- take passwords from a netrc file, it gets them by one, and URLs without them.

-- WITH_NETRC runs pip with a netrc file that only the user can read, and that is gone afterwards. The user's own one counts
-- too. An old pip or Python, or an odd netrc file, leaves it at the URLs in the environment. Arguments: Python, and its arguments.
local WITH_NETRC = [[
# install with pip
d=
trap '[ -z "$d" ] || rm -rf -- "$d"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
d=$(mktemp -d) || exit
(umask 077 && { cat -- "${NETRC:-$HOME/.netrc}" 2>/dev/null; printf '\n%s' "$RUNBOOK_NETRC"; } > "$d/netrc") || exit
if "$1" -c 'import inspect, netrc, sys
from pip._vendor.requests import utils
netrc.netrc(sys.argv[1])
sys.exit("NETRC" not in inspect.getsource(utils.get_netrc_auth))' "$d/netrc" 2>/dev/null; then
  export NETRC="$d/netrc"
  for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS; do
    eval "plain=\${RUNBOOK_$name-}"
    [ -z "$plain" ] || export "$name=$plain"
  done
fi
unset RUNBOOK_NETRC RUNBOOK_PIP_INDEX_URL RUNBOOK_PIP_EXTRA_INDEX_URL RUNBOOK_PIP_FIND_LINKS
"$@"
]]

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

-- decoded is a part of a URL without its percent signs.
local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- netrc returns the lines of a netrc file with the logins of the URLs in env, and the same variables with URLs that have
-- none; or nil when there is no login, or one that not every reader of such a file would read alike: with a character that
-- one of them takes for a quote, or a second one at a host. A token without a password is none before Python 3.11, which
-- WITH_NETRC finds out.
local function netrc(env)
  local logins, lines, plain = {}, {}, {}
  for _, name in ipairs({ "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS" }) do
    plain[name] = env[name] and public(env[name])
    for info, place in (env[name] or ""):gmatch("://([^/?#%s]*)@([^/?#%s@]*)") do
      local user, password = info:match("^([^:]*):?(.*)$")
      user, password = decoded(user), decoded(password)
      local host, both = place:gsub(":%d+$", ""), user .. (password ~= "" and " password " .. password or "")
      if not (user .. password):find("^[%w%p]+$") or both:find("[\"'\\#]") or user == "" or host:find("[^%w.-]")
        or (logins[host] and logins[host] ~= both) then
        return nil
      elseif not logins[host] then
        logins[host] = both
        lines[#lines + 1] = "machine " .. host .. " login " .. both .. "\n"
      end
    end
  end
  return #lines > 0 and table.concat(lines) or nil, plain
end

-- command returns what a command with pip's arguments is run as, and its variables.
local function command(words, env)
  local text, plain = netrc(env)
  if not text then
    return words, env
  end
  env.RUNBOOK_NETRC = text
  for name, value in pairs(plain) do
    env["RUNBOOK_" .. name] = value
  end
  return { "sh", "-c", WITH_NETRC, "sh", unpack(words) }, env
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

return { arguments = arguments, command = command, netrc = netrc, problem = problem, public = public }
