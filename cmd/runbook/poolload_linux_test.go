package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// answer is the result of one request.
type answer struct {
	path         string
	kind         string // of the visitor
	began, ended time.Time
	server       string // the balancer's name of the server that it came from
	release      string // the one that the answer names
	status       int
	err          error
}

func (a answer) String() string {
	if a.err != nil {
		return fmt.Sprintf("%s after %v: %v", a.path, a.ended.Sub(a.began).Round(time.Millisecond), a.err)
	}
	return fmt.Sprintf("%s: %d %q from %s", a.path, a.status, a.release, a.server)
}

// visitors is a load: requests to one address until it is stopped. There are as many connections as
// workers, at most 17.
type visitors struct {
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	dialled atomic.Int64 // connections that the workers with keep-alive have opened

	mu      sync.Mutex
	answers []answer
}

// phase is the longest time of one load.
const phase = 60 * time.Second

// kind is a kind of visitors: their number, path and pause, and whether they keep their connection.
type kind struct {
	name    string
	workers int
	path    string
	pause   time.Duration
	keep    bool
}

// usual are the visitors of every form. The measurement adds patient ones, whose answer takes 12 s.
var (
	usual = []kind{
		{"kept", 8, "/", 40 * time.Millisecond, true},
		{"new", 4, "/", 60 * time.Millisecond, false},
		{"2 s", 3, "/slow", 10 * time.Millisecond, true},
	}
	patient = kind{"12 s", 2, "/long", 10 * time.Millisecond, true}
)

// visit starts a load on a host of the lab. It stops with the test at the latest.
func visit(t *testing.T, address string, kinds []kind) *visitors {
	t.Helper()
	ip := net.ParseIP(address[:len(address)-len(":8080")])
	if ip == nil || ip[12] != 10 || ip[13] != 98 {
		t.Fatalf("a load only goes to the lab's own addresses, not to %s", address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), phase)
	v := &visitors{cancel: cancel}
	for _, kind := range kinds {
		for range kind.workers {
			v.wg.Go(func() { v.work(ctx, "http://"+address+kind.path, kind) })
		}
	}
	t.Cleanup(func() { v.end() })
	return v
}

// work sends requests until the load stops. It waits for the last one.
func (v *visitors) work(ctx context.Context, url string, kind kind) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{DisableKeepAlives: !kind.keep, MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if kind.keep {
				v.dialled.Add(1)
			}
			return dialer.DialContext(ctx, network, address)
		}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	tick := time.NewTicker(kind.pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		one := ask(client, url)
		one.path, one.kind = kind.path, kind.name
		v.mu.Lock()
		v.answers = append(v.answers, one)
		v.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// ask sends one request. net/http sends a POST only once; it would repeat a GET if a kept
// connection turns out to be closed, and hide an error that a browser shows.
func ask(client *http.Client, url string) (a answer) {
	a.began = time.Now()
	defer func() { a.ended = time.Now() }()
	response, err := client.Post(url, "text/plain", nil)
	if err != nil {
		a.err = err
		return a
	}
	body, err := io.ReadAll(response.Body)
	if closing := response.Body.Close(); err == nil {
		err = closing
	}
	a.status, a.server, a.release, a.err = response.StatusCode, response.Header.Get("X-Server"), string(body), err
	return a
}

// end stops the load and returns all answers.
func (v *visitors) end() []answer {
	v.cancel()
	v.wg.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.answers
}

// failed reports whether the visitor saw an error.
func (a answer) failed() bool { return a.err != nil || a.status != http.StatusOK }

// failure describes what the visitor saw instead of an answer.
func (a answer) failure() string {
	if a.err != nil {
		return "closed"
	}
	return strconv.Itoa(a.status)
}

// during sends requests, in phases, while fn runs.
func during(t *testing.T, address string, kinds []kind, fn func()) (all []answer) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	for running := true; running; {
		v := visit(t, address, kinds)
		over := time.After(phase)
		select {
		case <-done:
			running = false
		case <-over:
		}
		all = append(all, v.end()...)
	}
	return all
}
