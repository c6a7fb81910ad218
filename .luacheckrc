-- Written by `runbook init` from the declarations that the code runs on.

stds.runbook = {
  read_globals = {
    _VERSION = {},
    agent = { fields = { forward = {} } },
    assert = {},
    clock = { fields = { now = {}, utc = {} } },
    confirm = {},
    connect = {},
    coroutine = { other_fields = true },
    each = {},
    env = {},
    error = {},
    fail = {},
    getmetatable = {},
    hosts = { other_fields = true },
    ipairs = {},
    json = { fields = { decode = {}, encode = {} } },
    localhost = { other_fields = true },
    log = { fields = { info = {}, warn = {} } },
    math = { other_fields = true },
    next = {},
    os = { fields = { clock = {}, date = {}, difftime = {}, getenv = {}, time = {} } },
    pairs = {},
    pcall = {},
    print = {},
    quote = {},
    rawequal = {},
    rawget = {},
    rawset = {},
    recipe = {},
    require = {},
    resume = {},
    secret = { fields = { env = {}, file = {}, prompt = {} } },
    select = {},
    setmetatable = {},
    show = {},
    step = {},
    string = { other_fields = true },
    table = { other_fields = true },
    template = {},
    tonumber = {},
    tostring = {},
    type = {},
    unpack = {},
    validate = {},
    xpcall = {},
  },
}

stds.runbook_test = {
  read_globals = {
    expect = { fields = { absent = {}, contains = {}, equal = {}, event = {}, file = {}, link = {}, log = {}, status = {} } },
    lab = { fields = { defaults = {}, fail = {}, hosts = {}, repo = {} } },
    run = {},
    test = {},
  },
}

std = "runbook"
files["**/*_test.lua"] = { std = "+runbook_test" }
exclude_files = { "**/meta" } -- what is read by editors, and never run
max_line_length = false
