-- Tests of the plan at the end of a dry run.

lab.defaults() -- whatever app.lua says

local python = require "python"

test("requirements are compared by package, however they are written", function()
  for _, case in ipairs({
    { "Django==4.2.1\n", "django==4.2.3\n", "django 4.2.1 → 4.2.3 changed" },
    { "a_b==1\nsame>=2\n", "# a-b==1\nA.B[x] == 1 ; python_version > '3' # why\nsame>=2 --hash=sha256:00\n", "" },
    { "gone\n", "new>=1,<2\n", "gone any version removed|new >=1,<2 added" },
    { "x==1 \\\n  --hash=sha256:1\n", "x==2 \\\n  --hash=sha256:2\n", "x 1 → 2 changed" },
    { "", "lib @ git+https://user:pass@git.example.com/lib.git@v1\n",
      "lib @ git+https://git.example.com/lib.git@v1 added" },
    { "-e git+ssh://git@git.example.com/lib.git@v1#egg=lib\n", "-e git+ssh://git@git.example.com/lib.git@v2#egg=lib\n",
      "lib @ git+ssh://git@git.example.com/lib.git@v1#egg=lib " ..
        "→ @ git+ssh://git@git.example.com/lib.git@v2#egg=lib changed" },
    { "--index-url https://u:p@x\n-r base.txt\n", "--index-url https://u:q@x\n-r base.txt\n", "" },
    { 'name = "app"\ndependencies = [\n  "Django>=4",\n]\n', 'name = "app"\ndependencies = [\n  "Django>=5",\n]\n',
      "Django >=4 → >=5 changed" },
    { '[[package]]\nname = "x"\nversion = "1"\n', '[[package]]\nname = "x"\nversion = "2"\n', "x 1 → 2 changed" },
  }) do
    local words = {}
    local texts = { { path = "requirements.txt", old = case[1], new = case[2] } }
    for i, row in ipairs((python.compare_requirements(texts))) do
      words[i] = table.concat(row, " ")
    end
    expect.equal(table.concat(words, "|"), case[3])
  end
end)

-- plan runs a dry run and returns what it shows, with single spaces.
local function plan(recipe, options)
  local result = run(recipe, options, { dry_run = true })
  expect.status(result, 0)
  return (result.stdout:gsub("%s+", " "))
end

test("what lies between two commits is known without a mirror, and where this machine sends the commit", function()
  lab.hosts(1)
  local repo = lab.repo()
  local function release(name, options)
    options.release, options.restart = name, "none"
    return options
  end
  expect.status(run("recipes/release.lua", release("r1", { depth = 1 })), 0)
  repo:commit({ ["shop/migrations/1.py"] = "#" })
  local second = repo:commit({ ["wsgi.py"] = "def application(e, s): pass\n" }):sub(1, 10)
  local shallow = plan("recipes/release.lua", release("r2", { depth = 1 }))
  expect.contains(shallow, "→ r2 (" .. second .. "), 2 commits ahead commits " .. second .. " 2026-01-05 Lab")
  expect.contains(shallow, "migrations shop/migrations/1.py new")
  local sent = plan("recipes/release.lua", release("r2", { source = "push" }))
  expect.contains(sent, "→ r2 (" .. second .. "), 2 commits ahead commits " .. second)
  expect.contains(sent, "settings depth 1 → 0 source git → push")
  expect.contains(sent, "sent from this machine")
  expect.status(run("recipes/release.lua", release("r2", { depth = 1 })), 0)
  -- The clones have one commit each: the files can be compared, and the history cannot.
  local back = plan("recipes/rollback.lua", { restart = "none" })
  expect.contains(back, "commits not known: the clones have no history (--depth) " ..
    "migrations warning: 1 migration is orphaned")
  expect.contains(plan("recipes/release.lua", release("r2", { depth = 1 })), "which is built already, the same commit")
end)
