local script = [[ -- want: the text or comment that begins here has no closing
echo hello
