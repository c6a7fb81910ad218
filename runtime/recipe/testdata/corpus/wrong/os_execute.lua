os.execute("ls") -- want: os has no "execute": write localhost:run(cmd)
