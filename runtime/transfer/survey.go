package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh"
)

// records reads the records of a host's output as they come.
type records struct {
	what   string                    // for errors
	read   func(record string) error // takes the next record
	end    byte                      // ends the next record
	record []byte                    // the beginning of the next record
	err    error                     // the first one, which ended the reading
}

// maxFields is the room in a record for what precedes a name.
const maxFields = 100

// Write reads the records that are complete.
func (r *records) Write(b []byte) (int, error) {
	for rest := b; r.err == nil && len(rest) > 0; {
		record, after, ended := bytes.Cut(rest, []byte{r.end})
		if r.record = append(r.record, record...); len(r.record) > longestName+maxFields {
			r.err = &ssh.TooLongError{What: "a name in " + r.what, Most: longestName}
		}
		if !ended || r.err != nil {
			break
		}
		whole := string(r.record)
		rest, r.record = after, r.record[:0]
		r.err = r.read(whole)
	}
	return len(b), r.err
}

// survey reads the output of surveyScript.
type survey struct {
	records
	mine    map[string]entry
	exclude exclusions
	remove  bool // files that only the host has are removed
	budget  *budget

	kind    string // "nothing", "file" or "folder"
	mounted string // a folder in it, or ""
	entries map[string]entry
	kept    []string        // paths that only the host has and that stay; the contents of a folder are not listed again
	around  map[string]bool // folders that only the host has and that stay because something in them does
	extra   []string        // paths that only the host has and that do not stay; may include folders in around

	fields [4]string // the records of an entry
	count  int       // how many are set
}

func newSurvey(what string, mine map[string]entry) *survey {
	s := &survey{mine: mine, budget: newBudget(what, 0), entries: map[string]entry{}, around: map[string]bool{}}
	s.records = records{what: what, end: '\n', read: func(kind string) error {
		s.kind, s.records.end, s.records.read = kind, 0, s.readMounted
		return nil
	}}
	return s
}

func (s *survey) readMounted(folder string) error {
	s.mounted, s.records.read = folder, s.readField
	return nil
}

// readField reads one of the records of an entry. An empty one follows the last entry.
func (s *survey) readField(record string) error {
	s.fields[s.count] = record
	switch s.count++; {
	case s.count == 1 && record == "":
		s.records.read = func(record string) error {
			return fmt.Errorf("the host listed %.200q after all files",
				record)
		}
		return nil
	case s.count < len(s.fields):
		return nil
	}
	s.count = 0
	return s.readEntry()
}

func (s *survey) readEntry() error {
	fields := strings.SplitN(s.fields[0], " ", 6)
	if len(fields) < 6 || len(fields[0]) != 1 {
		return fmt.Errorf("the host listed a file as %.200q", s.fields[0])
	}
	mode, err := strconv.ParseUint(fields[1], 8, 32)
	size, sizeErr := strconv.ParseInt(fields[2], 10, 64)
	_, uidErr := strconv.ParseUint(fields[3], 10, 32)
	_, gidErr := strconv.ParseUint(fields[4], 10, 32)
	if err := errors.Join(err, sizeErr, uidErr, gidErr); err != nil {
		return fmt.Errorf("the host listed a file as %.200q: %w", s.fields[0], err)
	}
	name := fields[5]
	if err := s.budget.addName(name); err != nil {
		return err
	}
	e := entry{kind: fields[0][0], mode: fs.FileMode(mode), size: size, link: s.fields[1]}
	e.owner = owner.Actual{UID: fields[3], GID: fields[4], User: s.fields[2], Group: s.fields[3]}
	if _, known := s.mine[name]; known {
		s.entries[name] = e
		return nil
	}
	s.decide(name, e.kind == 'd')
	return nil
}

// decide records whether a path that only the host has stays. The host lists a folder before its
// contents.
func (s *survey) decide(name string, folder bool) {
	if n := len(s.kept); n > 0 && strings.HasPrefix(name, s.kept[n-1]+"/") {
		return
	}
	if s.remove && !s.exclude.match(name, folder) {
		s.extra = append(s.extra, name)
		return
	}
	s.kept = append(s.kept, name)
	for above := path.Dir(name); above != "." && !s.around[above]; above = path.Dir(above) {
		if _, known := s.mine[above]; known {
			return
		}
		s.around[above] = true
	}
}

// deleted returns the paths that only the host has and that do not stay.
func (s *survey) deleted() (names []string) {
	for _, name := range s.extra {
		if !s.around[name] {
			names = append(names, name)
		}
	}
	return names
}
