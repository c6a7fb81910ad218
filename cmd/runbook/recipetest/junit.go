package recipetest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// WriteJUnit writes outcomes to a file as JUnit XML, which CI servers read: a test suite per file,
// a test case per test. explain puts failures into words.
func WriteJUnit(path string, outcomes []Outcome, explain func(error) (text, hint string)) (err error) {
	var all junit.Testsuites
	for start := 0; start < len(outcomes); {
		suite, seconds := junit.Testsuite{Name: outcomes[start].File, File: outcomes[start].File, ID: len(all.Suites)},
			0.0
		for ; start < len(outcomes) && outcomes[start].File == suite.File; start++ {
			suite.AddTestcase(testcase(outcomes[start], explain))
			seconds += outcomes[start].Seconds
		}
		suite.Time = fmt.Sprintf("%.3f", seconds)
		all.AddSuite(suite)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return all.WriteXML(f)
}

func testcase(o Outcome, explain func(error) (text, hint string)) junit.Testcase {
	name := o.Title
	if name == "" {
		name = o.File
	}
	c := junit.Testcase{Name: name, Classname: o.File, Time: fmt.Sprintf("%.3f", o.Seconds)}
	if o.Output != "" {
		c.SystemOut = &junit.Output{Data: legible(o.Output)}
	}
	if o.Err != nil {
		text, hint := explain(o.Err)
		text = strings.TrimPrefix(text, "runbook: ")
		first, _, _ := strings.Cut(text, "\n")
		if hint != "" {
			text += "\nnext: " + hint
		}
		c.Failure = &junit.Result{Message: legible(first), Data: legible(text)}
	}
	return c
}

// legible drops the characters that XML 1.0 does not allow.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
