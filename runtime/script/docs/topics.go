package docs

// topic is documentation that belongs to no single declaration.
type topic struct{ name, text string }

// topics are shown by name, found by search and part of the reference. The order is that of the
// reference.
var topics = []topic{
	{"error objects", "Errors are objects: what pcall returns after false is one, and what the function of " +
		"host:on_failure gets after the host.\n" +
		"err.message is the reason alone, err.hint the next thing to do or \"\", " +
		"err.output the last lines that a failed command printed or \"\".\n" +
		"tostring(err) and .. give the line and the reason. " +
		"error(err, 0) raises it again, with its line and its status.\n" +
		"fail(message, hint) raises one. error(\"text\") raises one without a hint."},
	{"exit status", "host:run, host:capture and host:script raise an error for a command that ends with a status " +
		"other than 0, unless check is false.\n" +
		"host:test returns whether the status was 0, and raises an error for 126 and 127: the command did not run.\n" +
		"126 is a program that cannot be executed or a cwd that cannot be entered, " +
		"127 a program that was not found, 128 plus a number the end by that signal.\n" +
		"Of a pipe in a string, the status of its last command counts; " +
		"with pipefail = true that of the last one that failed."},
	{"secrets", "The functions of the group secret return values that are hidden in " +
		"everything that shows or records a run.\n" +
		"So are the values in secret = { … } of a command, options that a recipe declares with secret = true, " +
		"and vars of a hosts file that are written as { \"VALUE\", secret = true }.\n" +
		"A command on a host gets a secret by env or stdin: its words are in the host's process list.\n" +
		"What env(name) and host:capture return is shown and recorded: " +
		"secret.command is for what a password manager prints."},
}
