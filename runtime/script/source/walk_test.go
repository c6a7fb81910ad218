package source

import (
	"slices"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/ast"
)

// TestWalk expects every name that is used, in the order of the source. A declared name is not an
// expression.
func TestWalk(t *testing.T) {
	const text = `
local x, y = a1, a2
a3, a4.f = a5, { a6, k = a7, [a8] = a9 }
b1(b2):m(b3, function(p, ...) b4(...) end)
do b5() end
while c1 do c2() end
repeat c3() until c4
if c5 then c6() elseif c7 then c8() else c9() end
for i = d1, d2, d3 do d4() end
for i = d5, d6 do d7() end
for k in d8, d9 do e1() end
function e2.f(p) e3() end
function e4:m() e5() end
local function f() e6() end
g = -g1 + #g2 .. (not g3 and g4 or g5 == g6)
goto done
::done::
return h1, h2[h3]
`
	chunk, err := Parse("r.lua", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	Walk(chunk, func(node any) {
		if id, ok := node.(*ast.IdentExpr); ok {
			got = append(got, id.Value)
		}
	})
	want := strings.Fields("a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 b5 c1 c2 c3 c4 c5 c6 c7 c8 c9 " +
		"d1 d2 d3 d4 d5 d6 d7 d8 d9 e1 e2 e3 e4 e5 e6 g g1 g2 g3 g4 g5 g6 h1 h2 h3")
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
