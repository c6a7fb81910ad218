//go:build race

package main

// slowdown is how much slower the race detector makes this program, on a machine where all tests run.
const slowdown = 4
