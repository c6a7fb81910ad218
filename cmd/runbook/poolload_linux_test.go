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

// answer is what became of one request.
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

// visitors is a load: it asks one address until it is ended. There are as many connections as workers, 15 at most.
type visitors struct {
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	dialled atomic.Int64 // connections that the workers with keep-alive have opened

	mu      sync.Mutex
	answers []answer
}

// phase is how long one load lasts at most.
const phase = 60 * time.Second

// kind is a kind of visitors: how many, what they ask for, how often, and whether they keep their connection.
type kind struct {
	name    string
	workers int
	path    string
	pause   time.Duration
	keep    bool
}

// usual are the visitors of every form; patient ones, whose answer takes 12 s, come to the measurement.
var (
	usual = []kind{
		{"kept", 8, "/", 40 * time.Millisecond, true},
		{"new", 4, "/", 60 * time.Millisecond, false},
		{"2 s", 3, "/slow", 10 * time.Millisecond, true},
	}
	patient = kind{"12 s", 2, "/long", 10 * time.Millisecond, true}
)

// visit begins a load on a host of the lab, and ends it with the test at the latest.
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

// work asks again and again. A request that was begun is waited for, also when the load ends.
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

// ask is one request. It is a POST, which net/http sends only once: a GET it would repeat when a connection that was kept
// turns out to be closed, and a visitor's browser shows an error for less.
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

// end ends the load and returns all answers.
func (v *visitors) end() []answer {
	v.cancel()
	v.wg.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.answers
}

// failed says whether a visitor has seen an error.
func (a answer) failed() bool { return a.err != nil || a.status != http.StatusOK }

// failure is what a visitor has seen instead of an answer.
func (a answer) failure() string {
	if a.err != nil {
		return "closed"
	}
	return strconv.Itoa(a.status)
}

// during asks, in phases, for as long as fn takes.
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
