print(io.open("/etc/motd"):read("*a")) -- want: undeclared global "io"; files are read with host.fs:read
