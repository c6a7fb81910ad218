package event

import (
	"context"
	"net/url"
	"regexp"
	"strings"
)

// withUserInfo finds URLs that name a user: the scheme, and the user-info up to the last @ before the path.
var withUserInfo = regexp.MustCompile("([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\s\"`<>]+)@")

// A user's name may be a word that other lines have for good reasons, so only a long one is replaced wherever it is: from
// longUser on beside a password, as in https://TOKEN:x-oauth-basic@host, and from longAlone on without one. A shorter one is
// replaced within URLs.
const longUser, longAlone = 16, 8

// urlSecrets returns what is secret in the URLs within a text: a password, and the user-info as a whole. A user without a
// password is a secret as well, as in https://TOKEN@host, but not where ssh logs in.
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

// AddURLs makes the stream of ctx replace the user names and passwords of the URLs within text wherever an event would show
// them. Whoever reads an option or a file calls it at once.
func AddURLs(ctx context.Context, text string) {
	for _, secret := range urlSecrets(text) {
		AddSecret(ctx, secret)
	}
}
