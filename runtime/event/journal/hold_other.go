//go:build !unix

package journal

import "os"

// hold does nothing here: a lock on Windows would keep others from reading the file.
func hold(*os.File) error { return nil }

// held can't tell here.
func held(*os.File) (bool, error) { return false, nil }

// mine can't tell here; and the modes of files mean nothing.
func mine(os.FileInfo) bool { return true }
