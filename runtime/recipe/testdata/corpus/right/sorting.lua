recipe {}
local rows = {}
each(hosts, { at_once = 10 }, function(host)
  table.insert(rows, { host.name, tonumber(host:capture("nproc")) or 0 })
end)
table.sort(rows, function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] < b[1]) end)
show { header = { "host", "processors" }, rows = rows }
local total = 0
for _, row in pairs(rows) do total = total + row[2] end
print(("%d processors on %d hosts"):format(total, #rows))
