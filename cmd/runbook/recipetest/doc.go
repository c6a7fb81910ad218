// Package recipetest runs tests of recipes: Lua files that end in _test.lua, against throwaway hosts inside this process.
//
// Its one rule: a recipe under test runs as it is, by the same code as in `runbook run`. A test sees what an admin would
// see afterwards: the hosts, what was printed, the exit status. Every test has hosts and a Lua world of its own.
package recipetest
