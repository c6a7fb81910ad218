each(hosts) -- want: each: fn is missing: it comes last, as function() … end
