// Package ssh reaches hosts: it dials them, directly or through jump hosts, verifies their keys,
// logs in, and opens sessions and tunnels. Package shell executes commands over its connections.
//
// Its one rule: nothing is trusted by default. A host whose key is not known gets no login and no
// data, and every value in a command line is quoted by Quote.
package ssh
