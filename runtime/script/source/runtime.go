package source

import "strings"

// ExplainRuntime makes the messages of Lua's most frequent runtime errors easier to understand.
func ExplainRuntime(message string) string {
	more := ""
	switch {
	case strings.HasPrefix(message, "attempt to index a nil value"),
		strings.HasPrefix(message, "attempt to index a non-table object(nil)"):
		message = strings.Replace(message, "attempt to index", "read a field of", 1)
		more = "the value before the dot or colon is nil"
	case strings.HasPrefix(message, "attempt to call a nil value"),
		strings.HasPrefix(message, "attempt to call a non-function object"):
		more = "there is no function of that name"
	case strings.HasPrefix(message, "cannot perform concat operation between"):
		more = ".. joins only strings and numbers; is one of them nil or misspelt?"
	case strings.HasPrefix(message, "cannot perform"):
		more = "arithmetic needs numbers; is one of them nil, or a string that needs tonumber()?"
	case strings.HasPrefix(message, "attempt to compare"):
		more = "only two numbers or two strings can be compared"
	default:
		return message
	}
	return message + ": " + more
}
