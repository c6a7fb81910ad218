// Package web sends HTTP requests over connections that the caller opens, such as tunnels to hosts.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Response is the answer of a web server.
type Response struct {
	Status  int     `lua:"status" doc:"the HTTP status"`
	Body    string  `lua:"body" doc:"the first MiB of the answer"`
	Headers Headers `lua:"headers" doc:"the headers by name, in any case; several of one name are joined by commas"`
}

// Headers are the headers of an answer by name, in lower case.
type Headers map[string]string

// FoldKey lets Lua read a header by its name in any case.
func (Headers) FoldKey(name string) string { return strings.ToLower(name) }

// maxBody limits how many bytes of an answer are read.
const maxBody = 1 << 20

// Request is what Do sends.
type Request struct {
	Method  string
	URL     string
	Body    string
	Headers map[string]string
	Timeout time.Duration // limits the whole request
}

// Dial opens a connection, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Do sends a request over a connection from dial and returns the answer, whatever its status. A
// redirect is followed only to the same host, port and scheme, because no port has both http and
// https.
func Do(ctx context.Context, dial Dial, r Request) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return Response{}, err
	}
	if request.URL.Host == "" || request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		return Response{}, fmt.Errorf("want an address such as http://127.0.0.1:8000/, got %q", r.URL)
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
		if strings.EqualFold(name, "Host") {
			request.Host = value
		}
	}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		if len(before) >= 10 || next.URL.Host != before[0].URL.Host || next.URL.Scheme != before[0].URL.Scheme {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	answer, err := client.Do(request)
	if err != nil {
		return Response{}, httpError(ctx, r, err)
	}
	defer func() { _ = answer.Body.Close() }() // all that is needed has been read
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return Response{}, httpError(ctx, r, err)
	}
	response := Response{Status: answer.StatusCode, Body: string(body), Headers: Headers{}}
	for name, values := range answer.Header {
		response.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return response, nil
}

// httpError explains why there was no answer.
func httpError(ctx context.Context, r Request, err error) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fmt.Errorf("no answer from %s within %v", r.URL, r.Timeout)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%s: %w", r.URL, err)
}
