package format

import (
	"context"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"

	"runbook/runtime/script"
)

// tomlModule declares toml.encode and toml.decode.
func tomlModule() script.Module {
	return script.Module{Name: "toml", Doc: "TOML 1.0.", Primitives: []script.Primitive{
		script.Func("encode", script.Pure, "Return a table of names as TOML, with sorted names.",
			func(_ context.Context, _ script.None, a encodeArgs) (string, error) { return encodeTOML(a.Value) }).
			With(`host.fs:write(path, toml.encode({ server = { port = 8000 } }))`),
		script.Func("decode", script.Pure, "Return the table of TOML text. Dates and times become strings.",
			func(_ context.Context, _ script.None, a textArgs) (any, error) { return decodeTOML(a.Text) }).
			With(`local project = toml.decode("[project]\nname = \"shop\"\n").project`),
	}}
}

func encodeTOML(value any) (string, error) {
	v, err := toGo("TOML", value)
	if err != nil {
		return "", err
	}
	if _, ok := v.(map[string]any); !ok {
		return "", errors.New("only a table of names can be encoded as TOML")
	}
	text, err := toml.Marshal(v)
	return string(text), err
}

func decodeTOML(text string) (any, error) {
	var v map[string]any
	err := toml.Unmarshal([]byte(text), &v)
	var at *toml.DecodeError
	if errors.As(err, &at) {
		line, _ := at.Position()
		return nil, fmt.Errorf("invalid TOML: line %d: %w", line, err)
	}
	if err != nil {
		return nil, fmt.Errorf("invalid TOML: %w", err)
	}
	return fromGo(v)
}
