each(hosts) -- want: each: fn is missing: pass it last, as function() … end
