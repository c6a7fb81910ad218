recipe {}
print(os.date("%Q"), os.date("!%T %1")) -- want: os.date: strftime has no %Q -- want: os.date: strftime has no %1
print(clock.utc("%Y-%")) -- want: clock.utc: the format ends in %
