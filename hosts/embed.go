// Package hosts holds the example of a hosts file, for `runbook init` to write out.
//
// Its one rule: it names only documentation addresses (RFC 5737), so that nobody's server is
// reached by accident.
package hosts

import "embed"

// Files holds production.lua.
//
//go:embed production.lua
var Files embed.FS
