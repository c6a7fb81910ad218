// Package run is one run: a recipe, its options, its hosts, and what a run promises about them.
//
// Its one rule: nothing is contacted before everything that can be known to be wrong has been refused, and what
// a host's function deferred runs whatever happens. The Lua primitives here are those that need to know of the
// run: recipe, each, step, defer and on_failure, confirm, fail and the small ones.
package run
