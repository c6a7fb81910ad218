package inventory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// An inventory of Ansible has sections and variables (INI), or keys of its own (YAML). A list of
// hosts has neither.
var (
	ansibleINI = regexp.MustCompile(`(?m)^\s*\[[A-Za-z_][\w.-]*(:(vars|children))?\]\s*([#;].*)?$` +
		`|^[^#;\n]*\sansible_\w+\s*=`)
	ansibleYAML = regexp.MustCompile(`(?m)^\s*(hosts|children|vars):\s*(#.*)?$|^\s+ansible_\w+:\s`)
)

// ansibleKeys maps variables of Ansible to keys of a hosts file.
var ansibleKeys = map[string]string{
	"ansible_host": "address", "ansible_ssh_host": "address", "ansible_port": "port", "ansible_ssh_port": "port",
	"ansible_user": "user", "ansible_ssh_user": "user", "ansible_ssh_private_key_file": "identity",
	"ansible_private_key_file": "identity",
}

// ansibleError returns the error of an inventory of Ansible, with its first host in the form of a
// hosts file; or nil for other text.
func ansibleError(source, text string) error {
	var host map[string]string
	switch {
	case ansibleINI.MatchString(text) && strings.ContainsAny(strings.TrimSpace(text), "\n="): // not just a bad address
		host = firstOfINI(text)
	case ansibleYAML.MatchString(text):
		host = firstOfYAML(text)
	default:
		return nil
	}
	example := luaHost(host)
	if example == "" {
		example = luaHost(map[string]string{"name": "web1", "address": "192.0.2.11", "user": "deploy", "group": "web"})
	}
	err := fmt.Errorf("%s is an inventory of Ansible, which runbook cannot read", source)
	return event.WithHint(err,
		"write the hosts into a file that ends in .lua, groups as tags: return { "+example+", … }")
}

// firstOfINI returns the keys of the first host in an INI inventory.
func firstOfINI(text string) map[string]string {
	group, skip := "", false
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		if line == "" || strings.ContainsRune("#;", rune(line[0])) {
			continue
		}
		if inner, ok := strings.CutPrefix(line, "["); ok {
			group, _, _ = strings.Cut(inner, "]")
			skip = strings.Contains(group, ":")
			continue
		}
		if skip {
			continue
		}
		words := strings.Fields(line)
		host := map[string]string{"name": words[0], "group": group}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			if key := ansibleKeys[name]; key != "" {
				host[key] = strings.Trim(value, `"'`)
			}
		}
		return host
	}
	return nil
}

// firstOfYAML returns the keys of the first host in a YAML inventory.
func firstOfYAML(text string) map[string]string {
	var host map[string]string
	var above []string // the keys that the line is below, by depth
	var depths []int
	for line := range strings.Lines(text) {
		body := strings.TrimSpace(line)
		if body == "" || body[0] == '#' || body == "---" {
			continue
		}
		depth := len(line) - len(strings.TrimLeft(line, " "))
		for len(depths) > 0 && depths[len(depths)-1] >= depth {
			above, depths = above[:len(above)-1], depths[:len(depths)-1]
		}
		key, value, _ := strings.Cut(body, ":")
		key, value = strings.Trim(key, `"'`), strings.Trim(strings.TrimSpace(value), `"'`)
		below := len(above)
		switch {
		case host != nil && (below < 2 || above[below-1] != host["name"]):
			return host
		case host != nil:
			if name := ansibleKeys[key]; name != "" {
				host[name] = value
			}
		case below > 0 && above[below-1] == "hosts":
			host = map[string]string{"name": key}
			if below > 1 && above[below-2] != "all" {
				host["group"] = above[below-2]
			}
		}
		above, depths = append(above, key), append(depths, depth)
	}
	return host
}

// luaHost returns a host as an entry of a hosts file, or "" if a value is not valid there.
func luaHost(host map[string]string) string {
	if checkName(host["name"]) != nil || strings.ContainsAny(host["name"], `[]{}"`) {
		return ""
	}
	var keys []string
	for _, key := range []string{"name", "address", "port", "user", "identity", "group"} {
		value, ok := host[key]
		switch _, err := strconv.Atoi(value); {
		case !ok || value == "":
		case checkText(value) != nil || strings.ContainsAny(value, "\"\\{}"):
			return ""
		case key == "port" && err == nil:
			keys = append(keys, "port = "+value)
		case key == "group":
			keys = append(keys, fmt.Sprintf(`tags = { "%s" }`, value))
		default:
			keys = append(keys, fmt.Sprintf(`%s = "%s"`, key, value))
		}
	}
	return "{ " + strings.Join(keys, ", ") + " }"
}
