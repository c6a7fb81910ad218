print(io.open("/etc/motd"):read("*a")) -- want: undeclared global "io"; read files with host.fs:read
