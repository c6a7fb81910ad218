package event

import (
	"net/url"
	"regexp"
	"strings"
)

// withUserInfo matches URLs with a user: the scheme, and the user-info up to the last @ before the
// path.
var withUserInfo = regexp.MustCompile("([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\s\"`<>]+)@")

// A user name may be a common word, so only a long one is hidden everywhere: from longUser bytes
// with a password, as in https://TOKEN:x-oauth-basic@host, and from longAlone bytes without one. A
// shorter one is hidden only in URLs.
const longUser, longAlone = 16, 8

// urlSecrets returns the secrets in the URLs within a text: passwords, and user-infos as a whole. A
// user without a password is a secret too, as in https://TOKEN@host, but not in an ssh URL.
func urlSecrets(text string) []string {
	if !strings.Contains(text, "://") {
		return nil
	}
	var secrets []string
	for _, m := range withUserInfo.FindAllStringSubmatch(text, -1) {
		scheme, info := strings.ToLower(m[1]), m[2]
		user, password, _ := strings.Cut(info, ":")
		isSSH := strings.HasSuffix(scheme, "ssh")
		if password == "" && isSSH {
			continue
		}
		var parts []string
		switch {
		case password != "" && len(user) >= longUser:
			parts = []string{info, password, user}
		case password != "":
			parts = []string{info, password}
		case len(user) >= longAlone:
			parts = []string{info, user}
		default:
			parts = []string{"//" + info + "@"}
		}
		for _, part := range parts {
			secrets = append(secrets, part)
			if plain, err := url.PathUnescape(part); err == nil && plain != part {
				secrets = append(secrets, plain)
			}
		}
	}
	return secrets
}
