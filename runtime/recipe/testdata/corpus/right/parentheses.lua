local options = recipe({
  summary = "everything in brackets, with semicolons",
  options = ({ service = { "apache2", "what to restart" }, wait = { 5, "seconds to wait", min = 0, max = 60 } }),
});
each((hosts), { at_once = 2, }, function(host)
  local r = (host:run({ "systemctl", "restart", options.service }, { sudo = true, check = false }));
  if not (r.ok) then fail("no restart") end;
  host:run({ "sleep", options.wait });
end);
