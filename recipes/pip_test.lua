-- Tests of what pip gets on its command line, and what by its environment.

lab.defaults() -- whatever app.lua says

local python = require "python"

-- split returns the arguments and variables for pip in one line.
local function split(venv, ...)
  local words, env = python.pip_arguments({ venv = venv, pip_arg = { ... } })
  local names = {}
  for name, value in pairs(env) do
    names[#names + 1] = name .. "=" .. value
  end
  table.sort(names)
  return table.concat(words, " ") .. "|" .. table.concat(names, "|")
end

test("URLs of indexes are passed by the environment", function()
  local A, B = "https://u:p@a.example.com/simple", "https://b.example.com/simple"
  for _, case in ipairs({
    { "fresh", { "--index-url=" .. A }, "|PIP_INDEX_URL=" .. A },
    { "fresh", { "--index-url", A, "--pre" }, "--pre|PIP_INDEX_URL=" .. A },
    { "fresh", { "-i" .. A }, "|PIP_INDEX_URL=" .. A },
    { "fresh", { "-i", A, "--index-url=" .. B }, "|PIP_INDEX_URL=" .. B },
    { "fresh", { "--extra-index-url=" .. A, "--extra-index-url", B }, "|PIP_EXTRA_INDEX_URL=" .. A .. " " .. B },
    { "fresh", { "-f", "/srv/my wheels", "--find-links=" .. B }, "-f /srv/my wheels|PIP_FIND_LINKS=" .. B },
    { "fresh", { "--proxy=http://u:p@proxy:3128" }, "|PIP_PROXY=http://u:p@proxy:3128" },
    { "fresh", { "--no-index", "--find-links=/srv/wheels", "spy==1.0" },
      "--no-index --find-links=/srv/wheels spy==1.0|" },
    { "fresh", { "--index-url" }, "--index-url|" },
    { "uv", { "--index-url=" .. A, "-f" .. B, "--find-links=" .. B },
      "|UV_FIND_LINKS=" .. B .. "," .. B .. "|UV_INDEX_URL=" .. A },
    { "uv", { "--default-index", A, "--index=" .. A, "--index=" .. B },
      "|UV_DEFAULT_INDEX=" .. A .. "|UV_INDEX=" .. A .. " " .. B },
    { "fresh", {}, "|" },
  }) do
    expect.equal(split(case[1], unpack(case[2])), case[3])
  end
end)

test("a password in another argument is refused, and not shown", function()
  for word, public in pairs({
    ["https://u:p@a.example.com/x.whl"] = "https://a.example.com/x.whl",
    ["spy @ git+https://TOKEN@git.example.com/spy"] = "spy @ git+https://git.example.com/spy",
    ["--index=https://u:p@a.example.com"] = "--index=https://a.example.com",
  }) do
    expect.equal(python.redact_url(word), public)
    local problem = python.pip_problem({ venv = "fresh", pip_arg = { "--pre", word } })
    expect.equal(problem[1], "everybody on the host could read the password in the argument " .. public .. " for pip")
  end
  for _, word in ipairs({
    "git+ssh://git@git.example.com/spy", "--index-url=https://u:p@a.example.com", "spy==1.0", "a@b",
  }) do
    expect.equal(python.pip_problem({ venv = "fresh", pip_arg = { word } }), nil)
  end
end)

test("passwords go into a netrc file, unless its readers disagree about them", function()
  local lines, plain = python.format_netrc({
    PIP_INDEX_URL = "https://u:p%40ss:w@a.example.com:8443/simple",
    PIP_EXTRA_INDEX_URL = "https://b.example.com/x https://u:p%40ss:w@a.example.com/y",
    PIP_FIND_LINKS = "https://TOKEN@c.example.com",
  })
  expect.equal(lines, "machine a.example.com login u password p@ss:w\nmachine c.example.com login TOKEN\n")
  expect.equal(plain.PIP_INDEX_URL, "https://a.example.com:8443/simple")
  expect.equal(plain.PIP_EXTRA_INDEX_URL, "https://b.example.com/x https://a.example.com/y")
  expect.equal(plain.PIP_FIND_LINKS, "https://c.example.com")
  for _, url in ipairs({
    "https://a.example.com", "https://:p@a.example.com", "https://u:p%20q@a.example.com",
    "https://u:p%22@a.example.com", "https://u:p%23@a.example.com", "https://u:p%0Aq@a.example.com",
    "https://u:p%5C@a.example.com", "https://u:p@[::1]", "https://u:p@a.example.com https://u:q@a.example.com",
    "https://u:p\195\164@a.example.com",
  }) do
    expect.equal(python.format_netrc({ PIP_EXTRA_INDEX_URL = url }), nil, url)
  end
end)
