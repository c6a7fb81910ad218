print(template("{{a}}", { "x" })) -- want: template: values: want names
