package recipetest

import (
	"fmt"
	"io"
	"strings"

	"runbook/runtime/event"
)

// Report prints one line per test, and the details of tests that failed.
type Report struct {
	out     io.Writer
	verbose bool // also print the output of tests that passed
	explain func(error) (text, hint string)

	passed, failed int
	err            error // the first failure to write
}

// NewReport returns a report that prints to out. explain puts failures into words.
func NewReport(out io.Writer, verbose bool, explain func(error) (text, hint string)) *Report {
	return &Report{out: out, verbose: verbose, explain: explain}
}

// Add prints one outcome.
func (r *Report) Add(o Outcome) {
	word := "ok  "
	if o.Err != nil {
		word = "FAIL"
		r.failed++
	} else {
		r.passed++
	}
	r.print("%s  %s  (%.1f s)\n", word, o.name(), o.Seconds)
	if o.Err != nil {
		r.print("%s\n", indented(r.words(o.Err)))
	}
	if o.Output != "" && (o.Err != nil || r.verbose) {
		r.print("%s\n", indented(indented(r.cut(o.Output))))
	}
}

// name returns the test's name in a report.
func (o Outcome) name() string {
	if o.Title == "" {
		return o.File
	}
	return o.File + ": " + o.Title
}

// words returns the text of a failure, and what to do next.
func (r *Report) words(err error) string {
	text, hint := r.explain(err)
	text = strings.TrimPrefix(text, "runbook: ")
	if hint != "" {
		text += "\nnext: " + hint
	}
	return text
}

// tail limits the printed lines of a failed test's output.
const tail = 40

// cut keeps the end of a long output, which usually has the reason.
func (r *Report) cut(output string) string {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	if r.verbose || len(lines) <= tail {
		return strings.Join(lines, "\n")
	}
	left := len(lines) - tail
	return fmt.Sprintf("… (%d lines more; -v shows all)\n%s", left, strings.Join(lines[left:], "\n"))
}

// End prints the totals. It returns the number of failed tests, and the first failure to write.
func (r *Report) End(seconds float64) (failed int, err error) {
	r.print("\n%s passed, %d failed, %.1f s\n", tests(r.passed), r.failed, seconds)
	return r.failed, r.err
}

func tests(n int) string {
	if n == 1 {
		return "1 test"
	}
	return fmt.Sprintf("%d tests", n)
}

func (r *Report) print(format string, args ...any) {
	if _, err := io.WriteString(r.out, event.Clean(fmt.Sprintf(format, args...))); err != nil && r.err == nil {
		r.err = err
	}
}
