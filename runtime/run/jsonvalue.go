package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"runbook/runtime/script"
)

type jsonEncodeArgs struct {
	Value any `lua:"value,arg" doc:"a string, a number, true or false, a list, or a table of names"`
}

type jsonDecodeArgs struct {
	Text string `lua:"text,arg" doc:"JSON"`
}

// jsonModule is json.encode and json.decode.
func jsonModule() script.Module {
	return script.Module{Name: "json", Doc: "JSON text", Primitives: []script.Primitive{
		script.Func("encode", script.Pure, "Returns a value as JSON on one line, names sorted. An empty table is {}.",
			func(_ context.Context, _ script.None, a jsonEncodeArgs) (string, error) {
				v, err := toJSON(a.Value)
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
			}).With(`host.fs:write(path, json.encode({ release = release, hosts = { "web1" } }))`),
		script.Func("decode", script.Pure, "Returns the value of JSON text. null is nil. Text that is no JSON is an error.",
			func(_ context.Context, _ script.None, a jsonDecodeArgs) (any, error) {
				dec := json.NewDecoder(bytes.NewReader([]byte(a.Text)))
				var v any
				if err := dec.Decode(&v); err != nil {
					return nil, fmt.Errorf("no JSON: %w", err)
				}
				if _, err := dec.Token(); !errors.Is(err, io.EOF) {
					return nil, fmt.Errorf("something stands behind the JSON value, at byte %d", dec.InputOffset())
				}
				return fromJSON(v), nil
			}).With(`local manifest = json.decode(host.fs:read(path))`),
	}}
}

// toJSON is a Lua value for encoding/json, which sorts the names.
func toJSON(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v has no JSON", v)
		}
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case script.Table:
		return tableToJSON(v)
	}
	return nil, errors.New("only strings, numbers, true, false, lists and tables have JSON")
}

func tableToJSON(t script.Table) (any, error) {
	if len(t.List) > 0 && len(t.Fields) > 0 {
		return nil, errors.New("a table with both names and list items has no JSON")
	}
	if len(t.List) > 0 {
		list := make([]any, len(t.List))
		for i, item := range t.List {
			v, err := toJSON(item)
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i+1, err)
			}
			list[i] = v
		}
		return list, nil
	}
	object := map[string]any{}
	for name, field := range t.Fields {
		v, err := toJSON(field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[name] = v
	}
	return object, nil
}

// fromJSON is a decoded value as Lua gets it.
func fromJSON(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = fromJSON(item)
		}
		return script.Table{List: list}
	case map[string]any:
		fields := map[string]any{}
		for name, field := range v {
			fields[name] = fromJSON(field)
		}
		return script.Table{Fields: fields}
	}
	return v
}
