for _, name in ipairs(hosts[1].fs:list("/srv")) do
  print(name.size) -- want: name is a string, so it has no "size"
end
