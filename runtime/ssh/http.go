package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"runbook/runtime/event"
)

// Response is what a web server answered.
type Response struct {
	Status  int     `lua:"status" doc:"the HTTP status"`
	Body    string  `lua:"body" doc:"the first megabyte of the answer"`
	Headers Headers `lua:"headers" doc:"by name, in any case; several of one name are joined by commas"`
}

// Headers are the headers of an answer, by their names in lower case.
type Headers map[string]string

// FoldKey lets Lua read a header by its name in any case.
func (Headers) FoldKey(name string) string { return strings.ToLower(name) }

// mostBody is how many bytes of an answer are read.
const mostBody = 1 << 20

// HTTP sends a GET request from the host, and returns the answer whatever its status. timeout is the limit for the whole. A
// redirect is followed only while it stays on the same host and port, by the same scheme: no port has both http and https.
func (h *Host) HTTP(ctx context.Context, address string, headers map[string]string, timeout time.Duration) (Response, error) {
	return h.ask(ctx, http.MethodGet, address, "", headers, timeout)
}

// Post sends body from the host in a POST request, by the rules of HTTP.
func (h *Host) Post(ctx context.Context, address, body string, headers map[string]string, timeout time.Duration) (Response, error) {
	return h.ask(ctx, http.MethodPost, address, body, headers, timeout)
}

func (h *Host) ask(ctx context.Context, method, address, sent string, headers map[string]string, timeout time.Duration) (Response, error) {
	ctx, cancel := context.WithTimeout(h.context(ctx), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(sent))
	if err != nil {
		return Response{}, err
	}
	if request.URL.Host == "" || request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		return Response{}, fmt.Errorf("want an address such as http://127.0.0.1:8000/, got %q", address)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
		if strings.EqualFold(name, "Host") {
			request.Host = value
		}
	}
	transport := &http.Transport{DialContext: h.Dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		if len(before) >= 10 || next.URL.Host != before[0].URL.Host || next.URL.Scheme != before[0].URL.Scheme {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	answer, err := client.Do(request)
	if err != nil {
		return Response{}, httpError(ctx, address, timeout, err)
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostBody))
	if err != nil {
		return Response{}, httpError(ctx, address, timeout, err)
	}
	r := Response{Status: answer.StatusCode, Body: string(body), Headers: Headers{}}
	for name, values := range answer.Header {
		r.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return r, nil
}

func httpError(ctx context.Context, address string, timeout time.Duration, err error) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fmt.Errorf("no answer from %s within %v", address, timeout)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return event.WithHint(fmt.Errorf("%s: %w", address, err), event.Hint(err))
}
