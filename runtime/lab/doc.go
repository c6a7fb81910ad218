// Package lab starts throwaway SSH hosts and a git server inside this process, for the demo and for
// tests of recipes. They need neither root nor a network, and run on Linux and macOS.
//
// Close returns only when every process, socket and temporary folder of the lab is gone. It ends
// processes by id only, never by name.
package lab
