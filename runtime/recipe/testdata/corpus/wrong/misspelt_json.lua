print(json.encod({})) -- want: json has no "encod" (did you mean "encode"?)
