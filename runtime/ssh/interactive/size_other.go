//go:build !unix

package interactive

// followSize does nothing where no signal tells of another size.
func followSize(func()) (stop func()) { return func() {} }
