if hosts[1] { -- want: has no end: a block is written then … end, or do … end
  log.info("x")
}
