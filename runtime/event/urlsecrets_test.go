package event

import (
	"strings"
	"testing"
)

func TestURLSecrets(t *testing.T) {
	for text, hidden := range map[string][]string{ // words that must be hidden; those in capitals must be shown
		"--index-url=https://user:topsecret@pypi.example.com/simple":   {"topsecret", "user:", "PYPI"},
		"https://ghp_abcdef0123@git.example.com/app.git":               {"ghp_abcdef0123", "GIT.EXAMPLE"},
		"https://user:pw@git.example.com/app":                          {"user:pw"},
		"git+https://oauth2:glpat-1234@git.example.com/app":            {"glpat-1234"},
		"https://0123456789abcdef0123:x-oauth-basic@github.com/a/b":    {"0123456789abcdef0123"},
		"HTTPS://user:p%40ss%2Fword@host":                              {"p%40ss%2Fword", "p@ss/word"},
		"https://user:p@ss@host/x@y":                                   {"p@ss", "X@Y"},
		"ssh://git:hunter22@git.example.com/app":                       {"hunter22", "GIT.EXAMPLE"},
		"ssh://deploy@git.example.com/app":                             {"DEPLOY@GIT"},
		"git+ssh://deploy@git.example.com/app":                         {"DEPLOY@GIT"},
		"deploy@git.example.com:app.git":                               {"DEPLOY@GIT"},
		"https://git.example.com/@scope/app?x=a@b":                     {"@SCOPE/APP?X=A@B"},
		`{ "https://a.example", "b@c.example" } https://x:secret99@y`:  {"secret99", "B@C.EXAMPLE"},
		"two: https://u:first111@a/ and https://second222@b/, ended":   {"first111", "second222", "ENDED"},
		"http://proxyuser:proxypass@proxy.example.com:3128":            {"proxypass", "PROXY.EXAMPLE.COM:3128"},
		"nothing https://pypi.example.com/simple":                      {"HTTPS://PYPI"},
		"https://user:@git.example.com/an empty password of someuser1": {"user:@", "SOMEUSER1"},
		"https://tok3n@git.example.com/app as deploy, tok3n":           {"tok3n@", "AS DEPLOY, TOK3N"},
	} {
		var shown []string
		s := NewStream(sinkFunc(func(e Event) { shown = append(shown, e.Text) }))
		ctx := WithStream(t.Context(), s)
		s.AddURLs(text)
		Emit(ctx, Event{Text: text})
		for _, word := range hidden {
			if upper := strings.ToUpper(word); word == upper && !strings.Contains(word, "%") {
				if !strings.Contains(strings.ToUpper(shown[0]), upper) {
					t.Errorf("%q is shown as %q, without %q", text, shown[0], word)
				}
			} else if strings.Contains(shown[0], word) {
				t.Errorf("%q is shown as %q, with %q", text, shown[0], word)
			}
		}
		// Hidden by value in any text.
		for _, word := range hidden {
			if word != strings.ToUpper(word) && strings.Trim(word, ":@") == word {
				Emit(ctx, Event{Text: "it was <" + word + ">"})
				if last := shown[len(shown)-1]; last != "it was <[secret]>" {
					t.Errorf("%q is shown as %q", word, last)
				}
			}
		}
	}
}

// sinkFunc is a sink that is a function.
type sinkFunc func(Event)

func (f sinkFunc) Event(e Event) { f(e) }
func (f sinkFunc) Close() error  { return nil }

func FuzzURLSecrets(f *testing.F) {
	for _, s := range []string{"https://user:pw@host", "a://b@c", "ssh://x:y@z", "https://%zz:%41@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, secret := range urlSecrets(text) {
			if len(secret) > len(text) {
				t.Errorf("%q of %q", secret, text)
			}
		}
	})
}
