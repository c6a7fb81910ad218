package advice

import (
	"regexp"
	"slices"
	"strings"
)

// secretReaders are programs that print secrets, each with the words by which they do.
var secretReaders = map[string][]string{
	"vault":    {"get", "read", "unwrap"},
	"op":       {"read", "get"},
	"bw":       {"get"},
	"pass":     {"show"},
	"gopass":   {"show"},
	"aws":      {"get-secret-value", "--with-decryption"},
	"gcloud":   {"access"},
	"az":       {"show", "download"}, // of keyvault
	"sops":     {"-d", "--decrypt", "decrypt"},
	"age":      {"-d", "--decrypt"},
	"rage":     {"-d", "--decrypt"},
	"gpg":      {"-d", "--decrypt"},
	"gpg2":     {"-d", "--decrypt"},
	"security": {"find-generic-password", "find-internet-password"},
}

// only maps programs with many uses to a word that the command must also contain.
var only = map[string]string{"gcloud": "secrets", "az": "keyvault"}

// ReadsSecret returns the program if a command of these words prints a secret, or "".
func ReadsSecret(words []string) string {
	if len(words) == 0 {
		return ""
	}
	program := words[0][strings.LastIndex(words[0], "/")+1:]
	needed, known := only[program]
	if known && !slices.Contains(words, needed) {
		return ""
	}
	for _, word := range secretReaders[program] {
		if slices.Contains(words[1:], word) {
			return program
		}
	}
	if (program == "pass" || program == "gopass") && len(words) == 2 && strings.Contains(words[1], "/") {
		return program
	}
	return ""
}

// filters are programs that print what they read, or a part of it.
var filters = []string{"awk", "base64", "cat", "cut", "grep", "head", "jq", "sed", "sort", "tail", "tee", "tr", "xargs",
	"yq"}

// substitution matches what becomes a part of another command instead of being printed.
var substitution = regexp.MustCompile("\\$\\([^()]*\\)|`[^`]*`")

// PrintsSecret returns the first program in a text for a shell that prints a secret, or "". In a
// pipeline only filters may come after it; a redirected output is not printed.
func PrintsSecret(text string) string {
	text = substitution.ReplaceAllString(text, "X")
	for _, pipeline := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";&\n()", r) }) {
		found := ""
		for command := range strings.SplitSeq(pipeline, "|") {
			words := strings.Fields(strings.ReplaceAll(command, `"`, " "))
			switch program := ReadsSecret(words); {
			case strings.Contains(command, ">"):
				found = ""
			case program != "":
				found = program
			case len(words) > 0 && !slices.Contains(filters, words[0]):
				found = ""
			}
		}
		if found != "" {
			return found
		}
	}
	return ""
}
