// Package labtest starts servers for tests: OpenSSH in namespaces, sshd on loopback, and the
// in-process hosts of package lab with helpers that only tests need. Missing programs fail the test
// with the Debian package to install.
package labtest
