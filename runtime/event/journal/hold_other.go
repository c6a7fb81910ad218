//go:build !unix

package journal

import "os"

// hold does nothing: a lock on Windows would prevent others from reading the file.
func hold(*os.File) error { return nil }

// held cannot find out here.
func held(*os.File) (bool, error) { return false, nil }

// mine cannot find out here, and file modes have no meaning.
func mine(os.FileInfo) bool { return true }
