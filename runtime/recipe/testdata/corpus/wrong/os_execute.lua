os.execute("ls") -- want: os has no "execute"; it has clock, date
