package text

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"runbook/runtime/script"
	"runbook/runtime/script/source"
)

// herePath returns the path on this machine of a file of the project. A built-in file is on no
// disk, so it is copied to the cache folder first.
func herePath(f script.File) (string, error) {
	if !source.IsBuiltin(f.Path) {
		return filepath.Abs(f.Path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%s: %w", f.Path, err)
	}
	sum := sha256.Sum256([]byte(f.Text))
	path := filepath.Join(cache, "runbook", "builtin", hex.EncodeToString(sum[:8]), filepath.Base(f.Path))
	if text, err := os.ReadFile(path); err == nil && bytes.Equal(text, []byte(f.Text)) {
		return path, nil
	}
	if err := replaceFile(path, f.Text); err != nil {
		return "", fmt.Errorf("%s: %w", f.Path, err)
	}
	return path, nil
}

// replaceFile writes a file by one rename, because another run may read it.
func replaceFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = temp.WriteString(text)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}
