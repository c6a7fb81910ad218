package recipe

import (
	"strings"
	"testing"
)

func TestCheckVersion(t *testing.T) {
	for _, tt := range []struct{ want, version, err string }{
		{">= 1.2", "1.2.0", ""},
		{">= 1.2", "v1.10", ""},
		{">= 1.2", "1.2.0-rc1", ""},
		{">=1.2.3", "v2.0.0-3-gabcdef", ""},
		{">= 1.2, < 2", "1.9.9", ""},
		{"= 1.2", "1.2.0+dirty", ""},
		{"> 1.2", "1.2.1", ""},
		{"<= 1", "1.0.0", ""},
		{">= 1.2", "v1.1.9", "the recipe needs runbook >= 1.2, and this is v1.1.9"},
		{">= 1.2", "1.2", ""},
		{"> 1.2", "1.2", "the recipe needs runbook > 1.2"},
		{">= 1.2, < 2", "2.0.0", "the recipe needs runbook >= 1.2, < 2, and this is 2.0.0"},
		{"= 1.2", "1.2.1", "the recipe needs"},
		{">= 9", "(devel)", ""},
		{">= 9", "", ""},
		{">= 9", "v0.0.0-20260105120000-abcdef123456+dirty", ""},
		{"1.2", "1.2", `runbook: want a comparison with a version such as ">= 1.2", got "1.2"`},
		{">= 1.2.3.4", "(devel)", "want a comparison"},
		{">= one", "1.2", "want a comparison"},
		{">= 1.2,", "1.2", "want a comparison"},
	} {
		err := checkVersion(tt.want, tt.version)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q with %q: got %v, want %q", tt.want, tt.version, err, tt.err)
		}
	}
}
