//go:build race

package sandbox

// slowdown is how much slower the race detector makes this program on a machine that runs all
// tests.
const slowdown = 4
