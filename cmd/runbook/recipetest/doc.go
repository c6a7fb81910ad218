// Package recipetest runs tests of recipes: Lua files that end in _test.lua, against throwaway
// hosts inside this process.
//
// A recipe under test runs unchanged, by the same code as in `runbook run`. A test sees what an
// admin would see afterwards: the hosts, the output, the exit status. Every test has its own hosts
// and its own Lua world.
package recipetest
