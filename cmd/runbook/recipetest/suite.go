package recipetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// Options say how tests are run.
type Options struct {
	AtOnce  int                                    // how many tests side by side
	Timeout time.Duration                          // how long one test may take
	Match   string                                 // only tests whose title, or file, has this in it; "" for all
	Hooks   context.Context                        // ends at a second interrupt; nil never ends
	Explain func(error) (text string, hint string) // puts a failure of a run into words
	Verbose bool                                   // keep every command of a run in the output
}

// Outcome is what became of one test.
type Outcome struct {
	File    string
	Title   string // "" for a file that is one test, or could not be read
	Seconds float64
	Err     error  // nil when it passed
	Output  string // what it printed, and what an admin would have seen of its runs
}

// suite is the running of tests under way.
type suite struct {
	opts   Options
	places chan struct{}
	all    sync.WaitGroup
}

// result is one test that is under way, or done.
type result chan Outcome

// Run runs the tests in files and calls done for each, in the order of the files and of the tests in them, as soon as those
// before it are done too. It returns when nothing that they started is left. The error is why ctx ended.
func Run(ctx context.Context, files []string, opts Options, done func(Outcome)) error {
	s := &suite{opts: opts, places: make(chan struct{}, max(1, opts.AtOnce))}
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

// file reads a test file, says which tests are in it, runs the first in the world that was made by reading, and starts
// the others.
func (s *suite) file(ctx context.Context, path string, found chan<- []result) {
	s.places <- struct{}{}
	defer func() { <-s.places }()
	began := time.Now()
	limited, cancel := s.limit(ctx)
	defer cancel()
	w, err := newWorld(limited, s.opts, path)
	if err != nil || len(w.cases) == 0 { // what stands in the file is the test
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

// one runs the test at place i of a file, in a world of its own.
func (s *suite) one(ctx context.Context, path string, i int, title string) Outcome {
	s.places <- struct{}{}
	defer func() { <-s.places }()
	began := time.Now()
	ctx, cancel := s.limit(ctx)
	defer cancel()
	outcome := Outcome{File: path, Title: title}
	w, err := newWorld(ctx, s.opts, path)
	switch {
	case err != nil:
		outcome.Err = err
	case i >= len(w.cases) || w.cases[i].title != title:
		outcome.Err = fmt.Errorf("the file declared other tests when it was read again: a test's title must not change")
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
		fmt.Errorf("the test took longer than %v", s.opts.Timeout), "--timeout gives it more"))
}

// finish ends a test's world and completes its outcome. w may be nil.
func (s *suite) finish(ctx context.Context, w *world, o Outcome, began time.Time) Outcome {
	if w != nil {
		if o.Err == nil {
			o.Err = w.unused()
		}
		// What ends the world must not be cut short.
		closing := w.close(context.WithoutCancel(ctx), o.Err != nil)
		o.Err = run.Joined(o.Err, closing)
		o.Output = w.output.String()
	}
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), run.ErrInterrupted) {
		o.Err = run.ErrInterrupted
	}
	o.Seconds = time.Since(began).Seconds()
	return o
}
