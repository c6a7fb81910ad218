if hosts[1] then
  break -- want: no loop to break
end
