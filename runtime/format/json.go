package format

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"runbook/runtime/script"
)

// jsonModule declares json.encode and json.decode.
func jsonModule() script.Module {
	return script.Module{Name: "json", Doc: "JSON.", Primitives: []script.Primitive{
		script.Func("encode", script.Pure,
			"Return a value as JSON on one line, with sorted names. An empty table is {}.",
			func(_ context.Context, _ script.None, a encodeArgs) (string, error) { return encodeJSON(a.Value) }).
			With(`host.fs:write(path, json.encode({ release = release, hosts = { "web1" } }))`),
		script.Func("decode", script.Pure, "Return the value of JSON text. null becomes nil. Invalid JSON is an error.",
			func(_ context.Context, _ script.None, a textArgs) (any, error) { return decodeJSON(a.Text) }).
			With(`local manifest = json.decode(host.fs:read(path))`),
	}}
}

func encodeJSON(value any) (string, error) {
	v, err := toGo("JSON", value)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimRight(out.Bytes(), "\n")), nil
}

func decodeJSON(text string) (any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("invalid JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("invalid JSON: trailing data after the value, at byte %d", dec.InputOffset())
	}
	return fromGo(v)
}
