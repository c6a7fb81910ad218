package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// client posts spans. otlptracehttp does the same, but imports gRPC, which costs 10 ms at every
// start and 8 MB.
type client struct {
	address *url.URL
	headers http.Header
	http    *http.Client
	over    chan struct{} // closed to abandon the current request
}

// sendLimit limits one request.
const sendLimit = 5 * time.Second

// newClient returns a client with the headers of OTEL_EXPORTER_OTLP_HEADERS: name=value, separated
// by commas, with values escaped as in a URL
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables).
func newClient(address *url.URL, headers string) (*client, error) {
	c := &client{address: address, headers: http.Header{}, over: make(chan struct{}),
		http: &http.Client{Timeout: sendLimit, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}}
	// The headers are secret and must not go to another address.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.headers.Set("Content-Type", "application/x-protobuf")
	for item := range strings.SplitSeq(headers, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, value, ok := strings.Cut(item, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil {
			// The value is secret.
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS: want name=value, separated by commas")
		}
		c.headers.Set(strings.TrimSpace(name), value)
	}
	return c, nil
}

// Start does nothing: the first request connects.
func (c *client) Start(context.Context) error { return nil }

// Stop closes the connection.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces posts spans. TracesData has the same encoding as the protocol's request.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	select {
	case <-c.over: // the SDK still drains its queue
		return context.Canceled
	default:
	}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = c.headers.Clone()
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("%s answered %s: %q", c.address.Redacted(), answer.Status, said)
	}
	return err
}
