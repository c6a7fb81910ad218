each(hosts, function(host)
  host:upload("site", "/srv/site", { exclude = { "*.pyc", "../x" } }) -- want: host:upload: exclude: invalid pattern "../x": it is a path in the folder
end)
