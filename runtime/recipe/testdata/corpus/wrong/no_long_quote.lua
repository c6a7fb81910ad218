local script = [[ -- want: the string or comment that begins here has no closing
echo hello
