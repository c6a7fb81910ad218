"""A small WSGI application: it tells the version of the one library it needs, and /health answers 200."""

import os

import greeting

RELEASE = os.path.basename(os.path.dirname(os.path.realpath(__file__)))


def application(environ, start_response):
    if environ.get("PATH_INFO") == "/health":
        text = "ok\n"
    else:
        text = f"greeting {greeting.VERSION}, release {RELEASE}, process {os.getpid()}\n"
    body = text.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
