package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
	"runbook/runtime/script"
)

const exampleJSON = `{"user": "deploy", "hosts": [{"name": "web1", "address": "192.0.2.11"}]}`

// parseJSON parses hosts in JSON (RFC 8259): an object with the keys of a hosts file, and the hosts
// in a list under "hosts". source is its name in errors; relative paths in it start from dir.
func parseJSON(me sshconfig.Machine, source, dir string, text []byte) (list, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // the byte order mark of some editors
	decoder := json.NewDecoder(bytes.NewReader(text))
	value, err := decodeJSON(decoder, 0)
	if err == nil {
		if _, end := decoder.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("trailing data after the JSON value")
		}
	}
	if err != nil {
		line := 1 + bytes.Count(text[:min(int64(len(text)), decoder.InputOffset())], []byte("\n"))
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return list{}, event.WithHint(fmt.Errorf("%s:%d: invalid JSON: %w", source, line, err),
			"hosts in JSON look like "+exampleJSON)
	}
	table, _ := value.(script.Table)
	hosts, ok := table.Fields["hosts"].(script.Table)
	if !ok || len(hosts.Fields) > 0 {
		return list{}, event.WithHint(fmt.Errorf(`%s: missing "hosts", a list`, source),
			"hosts in JSON look like "+exampleJSON)
	}
	delete(table.Fields, "hosts")
	return decodeHosts(me, source, dir, script.Table{Fields: table.Fields, List: hosts.List}, nil)
}

// decodeJSON decodes the next value as a hosts file in Lua would have it. A key that appears twice
// and null are errors: no setting is dropped.
func decodeJSON(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	switch {
	case err != nil:
		return nil, err
	case depth > 100:
		return nil, errors.New("too many values inside each other")
	}
	switch token {
	case nil:
		return nil, errors.New("null: leave the key out instead")
	case json.Delim('['):
		var items []any
		for d.More() {
			item, err := decodeJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err := d.Token()
		return script.Table{List: items}, err
	case json.Delim('{'):
		fields := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ := key.(string) // any other key is a syntax error
			if _, ok := fields[name]; ok {
				return nil, fmt.Errorf("the key %q appears twice", name)
			}
			if fields[name], err = decodeJSON(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return script.Table{Fields: fields}, err
	}
	return token, nil
}
