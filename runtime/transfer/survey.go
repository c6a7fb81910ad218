package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"runbook/runtime/ssh"
)

// survey reads the output of surveyScript. Of entries that this machine does not have it keeps only
// the number.
type survey struct {
	mine   map[string]entry
	budget *budget
	err    error // the first one, which ended the reading

	kind    string // "nothing", "file" or "folder"
	entries map[string]entry
	count   int // of all entries there

	read   func(record string) error // takes the next record
	end    byte                      // ends the next record
	record []byte                    // the beginning of the next record
	fields string                    // the record before a link's target, which it belongs to
}

func newSurvey(what string, mine map[string]entry) *survey {
	s := &survey{mine: mine, budget: newBudget(what, 0), entries: map[string]entry{}, end: '\n'}
	s.read = func(kind string) error {
		s.kind, s.read, s.end = kind, s.readFields, 0
		return nil
	}
	return s
}

// maxFields is the room in a record for what precedes a name.
const maxFields = 100

// Write reads the records that are complete.
func (s *survey) Write(b []byte) (int, error) {
	for rest := b; s.err == nil && len(rest) > 0; {
		record, after, ended := bytes.Cut(rest, []byte{s.end})
		if s.record = append(s.record, record...); len(s.record) > longestName+maxFields {
			s.err = &ssh.TooLongError{What: "a name in " + s.budget.what, Most: longestName}
		}
		if !ended || s.err != nil {
			break
		}
		whole := string(s.record)
		rest, s.record = after, s.record[:0]
		s.err = s.read(whole)
	}
	return len(b), s.err
}

// readFields reads a type, mode, size and path. An empty record follows the last of them.
func (s *survey) readFields(record string) error {
	s.read = s.readLink
	if s.fields = record; record == "" {
		s.read = s.readSum
	}
	return nil
}

// readLink reads the target of the entry before it, which is empty unless that is a link.
func (s *survey) readLink(link string) error {
	s.read = s.readFields
	fields := strings.SplitN(s.fields, " ", 4)
	if len(fields) < 4 || len(fields[0]) != 1 {
		return fmt.Errorf("the host listed a file as %.200q", s.fields)
	}
	mode, err := strconv.ParseUint(fields[1], 8, 32)
	size, sizeErr := strconv.ParseInt(fields[2], 10, 64)
	if err := errors.Join(err, sizeErr); err != nil {
		return fmt.Errorf("the host listed a file as %.200q: %w", s.fields, err)
	}
	name := fields[3]
	if err := s.budget.addName(name); err != nil {
		return err
	}
	s.count++
	if _, known := s.mine[name]; known {
		s.entries[name] = entry{kind: fields[0][0], mode: fs.FileMode(mode), size: size, link: link}
	}
	return nil
}

// readSum reads the sum of a file. If there is only that file, it belongs to "".
func (s *survey) readSum(record string) error {
	sum, name, found := strings.Cut(record, "  ")
	if !found {
		return fmt.Errorf("the host listed a sum as %.200q", record)
	}
	name = strings.TrimPrefix(name, "./")
	if s.kind == "file" {
		name = ""
	}
	if e, known := s.entries[name]; known {
		e.sum = sum
		s.entries[name] = e
	}
	return nil
}
