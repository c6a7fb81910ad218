local files = hosts[1].fs
print(files:raed("/x")) -- want: files has no "raed" (did you mean "read"?)
