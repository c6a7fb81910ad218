// Package recipes holds the recipes that are shipped: release, rollback, restart, status and setup, and what they share.
//
// Its one rule: a recipe reads as the story of what it does, and an admin who has never seen Lua can change it. What
// is particular to one application stands in app.lua alone; each file under lib has one subject.
package recipes

import "embed"

// Files are the recipes as they are written out by `runbook init` and run by `runbook demo`: app.lua and the recipes
// at the top, what they require under lib, and under meta the Lua API for editors and readers, which a
// test keeps current.
//
//go:embed *.lua lib/*.lua meta/*
var Files embed.FS
