package docs_test

import (
	"strings"
	"testing"

	"runbook/runtime/script/docs"
	"runbook/runtime/script/docs/stub"
	"runbook/runtime/script/internal/scripttest"
	"runbook/runtime/script/source"
)

func TestDocsNameEverything(t *testing.T) {
	lib := scripttest.Library(t)
	all, err := docs.Text(lib, "")
	if err != nil {
		t.Fatal(err)
	}
	one, err := docs.Text(lib, "host.fs:read")
	if err != nil {
		t.Fatal(err)
	}
	for text, wants := range map[string][]string{
		all: {"  host:run(cmd, [{ … }])                   runs\n", "host.fs:read(path)",
			"log.info(text)", "step(title, fn)", "hosts"},
		one: {"host.fs:read(path)", "path           which (a string)", "returns a string",
			"errors\n    A missing argument"},
		docs.Markdown(lib): {"### `host:run(cmd, [{ cwd, timeout, mode, check }])`",
			"| `mode` | how | one of fast, slow |"},
		stub.Text(lib): {"---@overload fun(hosts: host[], fn: fun(host: host): any)", "---@class host.fs",
			"---@field fs host.fs files", "function host_fs:read(path) end", `mode?: "fast"|"slow"`,
			"---@param fn fun(host: host): any", "---@type host[]\nhosts = nil"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	}
	// Editors parse the stub, so it must be valid Lua.
	if err := source.Read("stub.lua", []byte(stub.Text(lib))).Problem; err != nil {
		t.Error(err)
	}
}
