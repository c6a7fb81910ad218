//go:build race

package sandbox

// slowdown is the factor by which the race detector slows this program down on a machine that runs
// all tests.
const slowdown = 4
