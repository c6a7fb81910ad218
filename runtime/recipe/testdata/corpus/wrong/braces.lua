if hosts[1] { -- want: has no end: write a block as then … end or do … end
  log.info("x")
}
