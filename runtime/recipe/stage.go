package recipe

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/script"
)

// A stage is another environment of the same application, such as staging next to production. It
// has hosts of its own in hosts/STAGE.lua, and app.STAGE.lua has the settings that differ from
// those in app.lua.

// settingsFile is the file beside the recipes with the settings of an application, which admins
// edit most.
const settingsFile = "app.lua"

// confirmKey is the key in a stage's file that requires confirmation of a run.
const confirmKey = "confirm"

// IsAppFile reports whether path names the settings of an application, or those of a stage: app.lua
// or app.staging.lua.
func IsAppFile(path string) bool { return filepath.Base(path) == settingsFile || StageOf(path) != "" }

// StageOf returns the stage whose settings a file has: staging for app.staging.lua. It is "" for
// another file.
func StageOf(path string) string {
	name, isApp := strings.CutPrefix(filepath.Base(path), "app.")
	stage, isLua := strings.CutSuffix(name, ".lua")
	if !isApp || !isLua {
		return ""
	}
	return stage
}

// stageFile returns the name of the file with the settings of a stage.
func stageFile(stage string) string { return "app." + stage + ".lua" }

// Stages returns the stages that have settings beside the recipes in a folder, sorted.
func Stages(folder string) []string {
	files, err := filepath.Glob(filepath.Join(folder, "app.*.lua"))
	if err != nil { // the folder's own name is a malformed pattern
		return nil
	}
	var stages []string
	for _, f := range files {
		stages = append(stages, StageOf(f))
	}
	slices.Sort(stages)
	return stages
}

// overlayStage lays the keys of the stage's file over a table that a file of the project returned,
// and returns them.
func (e *Evaluation) overlayStage(table script.LiveTable) (keys []string, err error) {
	if e.Settings == nil || e.Settings.Stage == "" || !table.Required() {
		return nil, nil
	}
	keys, err = table.Overlay(e.Settings.Stage)
	if mistake, ok := errors.AsType[Problem](err); ok {
		err = Mistakes{mistake}
	}
	return keys, err
}

// takeStage removes from the settings what only the file of a stage can have: confirm, and false
// for a setting that the stage does not use.
func (v *validation) takeStage(keys []string) error {
	for _, name := range keys {
		value := v.given.Fields[name]
		i := slices.IndexFunc(v.options, func(o Option) bool { return o.Name == name })
		switch {
		case name == confirmKey:
			confirm, ok := value.(bool)
			if !ok {
				v.report("confirm: "+typeError(Boolean, value).Error(), name)
			}
			v.Settings.Confirm = confirm
		case i < 0, value != false, v.options[i].Is(Boolean):
			continue
		}
		delete(v.given.Fields, name)
		if err := v.args.Values.Set(name, nil); err != nil {
			return err
		}
	}
	return nil
}
