package recipetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// Options selects tests and how they run.
type Options struct {
	Stream  *event.Stream                          // knows the secrets to redact; gets no events
	AtOnce  int                                    // how many tests run in parallel
	Timeout time.Duration                          // the time limit of one test
	Match   string                                 // only tests with this text in their title or path; "" for all
	Hooks   context.Context                        // ends at a second interrupt; nil never ends
	Explain func(error) (text string, hint string) // puts a failure of a run into words
	Verbose bool                                   // add every command of a run to the output
}

// Outcome is the result of one test.
type Outcome struct {
	File    string
	Title   string // "" for a file that is one test, or cannot be read
	Seconds float64
	Err     error  // nil when it passed
	Output  string // what the test printed, and what an admin would have seen of its runs
}

type suite struct {
	opts   Options
	api    recipe.API    // of the recipes under test, whose files are parsed once for all tests
	places chan struct{} // one for each test that may run
	all    sync.WaitGroup
}

// result receives the outcome of one test.
type result chan Outcome

// Run runs the tests in files. It calls done for each in the order of the files and of the tests in
// them, as soon as those before it have ended. It returns when nothing that they started is left.
// The error is why ctx ended.
func Run(ctx context.Context, files []string, opts Options, done func(Outcome)) error {
	api, err := API()
	if err != nil {
		return err
	}
	s := &suite{opts: opts, api: api, places: make(chan struct{}, max(1, opts.AtOnce))}
	byFile := make([]chan []result, len(files))
	for i, path := range files {
		byFile[i] = make(chan []result, 1)
		s.all.Go(func() { s.file(ctx, path, byFile[i]) })
	}
	for _, found := range byFile {
		for _, r := range <-found {
			done(<-r)
		}
	}
	s.all.Wait()
	return context.Cause(ctx)
}

// file reads a test file, sends the results of its tests to found, runs the first test in the world
// that has read the file, and starts the others.
func (s *suite) file(ctx context.Context, path string, found chan<- []result) {
	s.places <- struct{}{}
	defer func() { <-s.places }()
	began := time.Now()
	limited, cancel := s.limit(ctx)
	defer cancel()
	w, err := newWorld(limited, s.opts, s.api, path)
	if err != nil || len(w.cases) == 0 { // the file itself is the test
		r := make(result, 1)
		r <- s.finish(limited, w, Outcome{File: path, Err: err}, began)
		found <- []result{r}
		return
	}
	var results []result
	first := -1
	for i, c := range w.cases {
		if !strings.Contains(c.title, s.opts.Match) && !strings.Contains(path, s.opts.Match) {
			continue
		}
		r := make(result, 1)
		results = append(results, r)
		if first < 0 {
			first = i
			continue
		}
		s.all.Go(func() { r <- s.one(ctx, path, i, c.title) })
	}
	found <- results
	outcome := Outcome{File: path}
	if first >= 0 {
		outcome.Title = w.cases[first].title
		_, outcome.Err = w.cases[first].fn.Thread(limited)
	}
	outcome = s.finish(limited, w, outcome, began)
	if first >= 0 {
		results[0] <- outcome
	}
}

// one runs the i-th test of a file in a new world.
func (s *suite) one(ctx context.Context, path string, i int, title string) Outcome {
	s.places <- struct{}{}
	defer func() { <-s.places }()
	began := time.Now()
	ctx, cancel := s.limit(ctx)
	defer cancel()
	outcome := Outcome{File: path, Title: title}
	w, err := newWorld(ctx, s.opts, s.api, path)
	switch {
	case err != nil:
		outcome.Err = err
	case i >= len(w.cases) || w.cases[i].title != title:
		outcome.Err = fmt.Errorf("the file declared other tests when it was read again: " +
			"the titles of tests must not change")
	default:
		_, outcome.Err = w.cases[i].fn.Thread(ctx)
	}
	return s.finish(ctx, w, outcome, began)
}

func (s *suite) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.Timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, s.opts.Timeout, event.WithHint(
		fmt.Errorf("the test took longer than %v", s.opts.Timeout), "--timeout DURATION gives it more time"))
}

// finish closes a test's world and completes its outcome. w may be nil.
func (s *suite) finish(ctx context.Context, w *world, o Outcome, began time.Time) Outcome {
	if w != nil {
		if o.Err == nil {
			o.Err = w.unused()
		}
		// An interrupt must not cut the cleaning up short.
		closing := w.close(context.WithoutCancel(ctx), o.Err)
		o.Err = run.Join(o.Err, closing)
		o.Output = w.output.String()
	}
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), run.ErrInterrupted) {
		o.Err = run.ErrInterrupted
	}
	o.Seconds = time.Since(began).Seconds()
	return o
}
