package lab

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// marksReadable is whether this system tells the environment of a process.
const marksReadable = true

// marked lists the processes with this mark in their environment. A process that hides its environment from its
// own user, or ends meanwhile, is not among them.
func marked(mark string) ([]Process, error) {
	folders, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, folder := range folders {
		id, err := strconv.Atoi(folder.Name())
		if err != nil || !hasMark(id, mark) {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", folder.Name(), "cmdline"))
		if err != nil {
			continue
		}
		words := strings.ReplaceAll(string(bytes.TrimRight(line, "\x00")), "\x00", " ")
		found = append(found, Process{ID: id, Command: words})
	}
	return found, nil
}

func hasMark(id int, mark string) bool {
	environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "environ"))
	return err == nil && slices.Contains(strings.Split(string(environment), "\x00"), mark)
}

// signalMarked signals the process id if it has the mark. The process is held by a file descriptor before its
// mark is read, so that the id can't have passed to another meanwhile.
func signalMarked(id int, mark string, number signal) bool {
	process, err := os.FindProcess(id)
	if err != nil {
		return false
	}
	sent := hasMark(id, mark) && process.Signal(number) == nil
	return errors.Join(process.Release()) == nil && sent
}
