package recipe

import (
	"path/filepath"
	"strings"
)

// appFile is the name of the file with the settings of an application.
const appFile = "app.lua"

// IsAppFile reports whether path names the settings of an application, or those of a stage: app.lua or
// app.staging.lua.
func IsAppFile(path string) bool {
	name := filepath.Base(path)
	return name == appFile || strings.HasPrefix(name, "app.") && filepath.Ext(name) == ".lua"
}
