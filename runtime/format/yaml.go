package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"runbook/runtime/script"
)

// yamlModule declares yaml.encode and yaml.decode.
func yamlModule() script.Module {
	return script.Module{Name: "yaml", Doc: "YAML 1.2.", Primitives: []script.Primitive{
		script.Func("encode", script.Pure, "Return a value as YAML, with sorted names. An empty table is {}.",
			func(_ context.Context, _ script.None, a encodeArgs) (string, error) { return encodeYAML(a.Value) }).
			With(`host.fs:write(path, yaml.encode({ release = release, hosts = { "web1" } }))`),
		script.Func("decode", script.Pure,
			"Return the value of YAML text with one document. null becomes nil, a date a "+
				"string, and a number as a name a string.",
			func(_ context.Context, _ script.None, a textArgs) (any, error) { return decodeYAML(a.Text) }).
			With(`local services = yaml.decode("web: { port: 8000 }\n")`),
	}}
}

func encodeYAML(value any) (string, error) {
	v, err := toGo("YAML", value)
	if err != nil {
		return "", err
	}
	text, err := yaml.Dump(v, yaml.WithIndent(2))
	return string(text), err
}

func decodeYAML(text string) (any, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var v any
	if err := decoder.Decode(&v); err != nil && !errors.Is(err, io.EOF) { // an empty text is null
		return nil, fmt.Errorf("invalid YAML: %w", err)
	}
	var more any
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("invalid YAML: want one document, got several")
	}
	return fromGo(v)
}
