package ci

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"runbook/runtime/event"
)

// GitLabReport is the name of the report in the project's folder, for artifacts:reports:codequality
// of a job.
const GitLabReport = "gl-code-quality-report.json"

// gitLab writes a code quality report, which GitLab shows at the lines of a merge request
// (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format).
type gitLab struct {
	root   string
	issues []issue
}

type issue struct {
	Description string   `json:"description"`
	Check       string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"`
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// Event records failures with a line in the repository. The report has no place for others.
func (g *gitLab) Event(e event.Event) {
	for _, f := range e.Faults {
		n := faultNote(f, g.root)
		if n.file == "" {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", n.file, n.line, n.title))
		one := issue{Description: n.title + ": " + n.message, Check: "runbook", Fingerprint: hex.EncodeToString(sum[:]),
			Severity: "critical"}
		one.Location.Path, one.Location.Lines.Begin = n.file, n.line
		g.issues = append(g.issues, one)
	}
}

// Close writes the report, even without issues, because GitLab compares it with the previous one.
func (g *gitLab) Close() error {
	if g.issues == nil {
		g.issues = []issue{}
	}
	text, err := json.MarshalIndent(g.issues, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.root, GitLabReport), append(text, '\n'), 0o644)
}
