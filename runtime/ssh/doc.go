// Package ssh reaches hosts: it connects, verifies who answers, runs commands, moves files and opens tunnels.
//
// Its one rule: nothing is trusted and nothing is left behind. A host whose key isn't known is never talked to,
// every value that enters a command line is quoted by Quote, and whatever was started on a host is ended, and seen
// to have ended, before an error about it is returned.
//
// A Pool makes Hosts. A Host has one connection with one login. Commands run one after the other in one
// long-lived /bin/sh, each in a subshell of its own; those with input get a session of their own.
package ssh
