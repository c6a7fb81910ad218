// Package recipes holds the recipes that are shipped: release, rollback, restart, status and setup,
// and what they share.
//
// Its one rule: a recipe reads as the story of what it does, and an admin who has never seen Lua
// can change it. Only app.lua has what is particular to one application; each file under lib has
// one subject.
package recipes

import "embed"

// Files are all files that `runbook init` and its --eject write: app.lua and the recipes at the
// top, under lib what they require and the scripts that run on hosts, under examples what to copy,
// and under meta the Lua API for editors and readers, which a test keeps current.
//
//go:embed *.lua *.md lib/*.lua lib/*.md lib/*.sh lib/*.py examples/*.lua meta/*
var Files embed.FS

// Builtin has what a project does not need to have: the recipes and the library under lib. A file
// of the project with the same name is used instead.
//
//go:embed release.lua rollback.lua restart.lua setup.lua status.lua lib/*.lua lib/*.sh lib/*.py
var Builtin embed.FS
