// Package request sends HTTP requests and waits for ports, as seen from a host.
//
// Its one rule: an answer is a result, whatever its status. Only no answer is an error.
package request

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/web"
)

type options struct {
	Timeout time.Duration     `lua:"timeout" default:"10s" doc:"the time limit"`
	Headers map[string]string `lua:"headers" doc:"headers to send; with a body, the content type is JSON unless set here"`
	Python  string            `lua:"python" doc:"a Python on the host that connects where its SSH server forbids tunnels; by default python3"`
}

// address is the URL of a request.
type address string

// CheckLua refuses what is not a URL of a web server. host:put and host:get of other tools copy
// files.
func (a address) CheckLua() error {
	if strings.HasPrefix(string(a), "http://") || strings.HasPrefix(string(a), "https://") {
		return nil
	}
	err := fmt.Errorf("want an address such as http://127.0.0.1:8000/, got %q", string(a))
	if !strings.Contains(string(a), ":") {
		err = fmt.Errorf("%w; files are copied by host:upload and host:download", err)
	}
	return err
}

type urlArgs struct {
	URL address `lua:"url,arg" doc:"the URL, as seen from the host"`
	options
}

type bodyArgs struct {
	URL  address `lua:"url,arg" doc:"the URL, as seen from the host"`
	Body string  `lua:"body,arg" doc:"the body to send, such as json.encode({ text = \"released\" })"`
	options
}

// Module declares the requests of a host.
func Module() script.Module {
	return script.Module{
		On: "host", Doc: "Requests from a host.",
		Primitives: []script.Primitive{
			script.Func("http", script.Reads,
				"Send a GET request from the host. An answer with any status is returned; no answer is an error.",
				withoutBody(http.MethodGet)).
				With(`local answer = host:http("http://127.0.0.1:8000/health")`),
			script.Func("post", script.Changes,
				"Send a POST request from the host. An answer with any status is returned; no answer is an error.",
				withBody(http.MethodPost)).
				With(`localhost:post("http://127.0.0.1:8000/notify", json.encode({ text = "released" }))`),
			script.Func("put", script.Changes,
				"Send a PUT request from the host, with a body. Otherwise like host:post.", withBody(http.MethodPut)).
				With(`host:put("http://127.0.0.1:8000/weight", "50", ` +
					`{ headers = { ["Content-Type"] = "text/plain" } })`),
			script.Func("patch", script.Changes,
				"Send a PATCH request from the host, with a body. Otherwise like host:post.",
				withBody(http.MethodPatch)).
				With(`host:patch("http://127.0.0.1:8000/backends/web1", json.encode({ state = "drain" }))`),
			script.Func("delete", script.Changes,
				"Send a DELETE request from the host, without a body. Otherwise like host:post.",
				withoutBody(http.MethodDelete)).
				With(`local gone = host:delete("http://127.0.0.1:8000/cache").status == 404`),
		},
	}
}

func withoutBody(method string) func(context.Context, *shell.Host, urlArgs) (web.Response, error) {
	return func(ctx context.Context, h *shell.Host, a urlArgs) (web.Response, error) {
		return h.HTTP(ctx, web.Request{Method: method, URL: string(a.URL), Headers: a.Headers, Timeout: a.Timeout},
			a.Python)
	}
}

func withBody(method string) func(context.Context, *shell.Host, bodyArgs) (web.Response, error) {
	return func(ctx context.Context, h *shell.Host, a bodyArgs) (web.Response, error) {
		headers := map[string]string{"Content-Type": "application/json"}
		for name, value := range a.Headers {
			headers[http.CanonicalHeaderKey(name)] = value
		}
		return h.HTTP(ctx, web.Request{Method: method, URL: string(a.URL), Body: a.Body, Headers: headers,
			Timeout: a.Timeout}, a.Python)
	}
}
