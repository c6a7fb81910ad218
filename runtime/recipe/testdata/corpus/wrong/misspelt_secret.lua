print(secret.fiel("x")) -- want: secret has no "fiel" (did you mean "file"?)
