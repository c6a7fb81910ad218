// Package lab makes throwaway hosts and a git server, so that a release can be tried without a real server.
//
// There are two kinds. [New] starts SSH servers inside this process: they need neither root nor a network and
// work on Linux and macOS. [OpenSSH] starts real sshd in network and mount namespaces, for what only OpenSSH can
// prove; it needs Linux and root. Both are a [Site], so that one test can run on either.
//
// The package's one rule: what it starts, it ends. Close returns only when every process, socket and folder of
// the lab is gone, and it ends processes by their ids alone.
package lab
