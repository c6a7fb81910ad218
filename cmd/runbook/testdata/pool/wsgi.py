"""The application of the pool's test: it names the release that its process was started from."""

import os
import time

FOLDER = os.path.dirname(os.path.realpath(__file__))
RELEASE = os.path.basename(FOLDER)
with open(os.path.join(FOLDER, "sick"), encoding="utf-8") as file:
    SICK = file.read() == "yes"
IN_SERVICE = "/srv/app/shared/in-service"


def application(environ, start_response):
    path, status = environ.get("PATH_INFO"), "200 OK"
    if path in ("/slow", "/long"):
        time.sleep(2 if path == "/slow" else 12)
    elif path == "/up" and not os.path.exists(IN_SERVICE):
        status = "503 Out of Service"
    elif path == "/health" and SICK:
        status = "500 Sick"
    body = RELEASE.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
