//go:build !linux

package lab

import "errors"

// OpenSSH is a lab of hosts with real sshd, which only Linux can make.
type OpenSSH struct{ *ground }

var errLinuxOnly = errors.New("an OpenSSH lab makes network namespaces, which only Linux has")

// NewOpenSSH says that this system can't make one.
func NewOpenSSH(OpenSSHOptions) (*OpenSSH, error) { return nil, errLinuxOnly }

// RepoURL is empty here.
func (o *OpenSSH) RepoURL() string { return "" }

// Root is empty here.
func (o *OpenSSH) Root(string) string { return "" }

// Address is empty here.
func (o *OpenSSH) Address(string) string { return "" }

// Log returns an error here.
func (o *OpenSSH) Log(string) (string, error) { return "", errLinuxOnly }

// Inside returns an error here.
func (o *OpenSSH) Inside(string, ...string) (string, error) { return "", errLinuxOnly }

// Link returns an error here.
func (o *OpenSSH) Link(string, bool) error { return errLinuxOnly }

// Close does nothing here.
func (o *OpenSSH) Close() error { return nil }

var _ Site = (*OpenSSH)(nil)
