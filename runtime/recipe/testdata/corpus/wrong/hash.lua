recipe {}
# restarts the servers -- want: a comment begins with --
