package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// marksReadable reports whether this system shows the environment of a process.
const marksReadable = true

// marked lists the processes that have the mark in their environment. It misses processes whose
// environment their own user cannot read.
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
		command := strings.ReplaceAll(string(bytes.TrimRight(line, "\x00")), "\x00", " ")
		found = append(found, Process{ID: id, Command: command})
	}
	return found, nil
}

func hasMark(id int, mark string) bool {
	environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "environ"))
	return err == nil && slices.Contains(strings.Split(string(environment), "\x00"), mark)
}

// signalMarked signals the process if it has the mark. FindProcess opens a pidfd before the mark is
// read, so a reused id cannot receive the signal.
func signalMarked(id int, mark string, number signal) bool {
	process, err := os.FindProcess(id)
	if err != nil {
		return false
	}
	sent := hasMark(id, mark) && process.Signal(number) == nil
	return process.Release() == nil && sent
}
