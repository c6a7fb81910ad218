"""Stands in for Apache with mod_wsgi where they are not installed: Python's wsgiref, in one process, as who starts it.

usage: wsgiref_server.py SERVER_ROOT start|stop|restart|graceful|graceful-stop|configtest
"""

import fcntl
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import traceback
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


# Without a handler these end a process. They stay blocked until it has one, also across exec.
CONTROL = {signal.SIGTERM, signal.SIGUSR1}


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """A server on a socket that listens already."""

    def __init__(self, fd):
        super().__init__(("", 0), WSGIRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=fd)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()


def load(root):
    """Run handler.wsgi. Where that fails, log it as mod_wsgi does and return None: the next request tries again."""
    space = {"__name__": "handler"}
    script = os.path.join(root, "handler.wsgi")
    try:
        with open(script, encoding="utf-8") as file:
            exec(file.read(), space)
    except Exception:
        print(f"Failed to exec Python script file '{script}'.", file=sys.stderr)
        traceback.print_exc()
        return None
    return space


def serve(root, fd):
    """Serve until TERM; at USR1 begin anew as the same process, with the new settings and the same socket."""
    with open(os.path.join(root, "wsgiref.json"), encoding="utf-8") as file:
        conf = json.load(file)
    os.chdir(conf["home"])
    sys.path[:0] = conf["paths"] + [conf["home"]]
    server, loaded, received = Server(int(fd)), [load(root)], []

    def application(environ, start_response):
        if loaded[0] is None:
            loaded[0] = load(root)
        if loaded[0] is None:
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"Internal Server Error\n"]
        if loaded[0]["reload_required"](environ):
            loaded[0] = load(root)
            end(signal.SIGUSR1, None)  # the next request gets a new process, as from mod_wsgi
        return loaded[0]["handle_request"](environ, start_response)

    def end(number, _):
        received.append(number)
        threading.Thread(target=server.shutdown).start()

    server.set_app(application)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CONTROL)
    server.serve_forever(poll_interval=0.05)
    signal.pthread_sigmask(signal.SIG_BLOCK, CONTROL)
    if signal.SIGTERM in received:
        os.unlink(os.path.join(root, "httpd.pid"))
    else:
        os.execv(sys.executable, [sys.executable, __file__, root, "serve", fd])


def control(root, action):
    pid_file = open(os.path.join(root, "httpd.pid"), "a+", encoding="utf-8")
    try:
        # The server holds the lock for as long as it lives, so that a stale number never names a stranger.
        fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid_file.seek(0)
        pid = int(pid_file.read())
        if action == "start":
            print(f"httpd (pid {pid}) already running")
        elif action != "configtest":
            os.kill(pid, signal.SIGTERM if action.endswith("stop") else signal.SIGUSR1)
        return
    if action.endswith("stop") or action == "configtest":
        print("httpd (no pid file) not running")
        return
    with open(os.path.join(root, "wsgiref.json"), encoding="utf-8") as file:
        conf = json.load(file)
    try:
        listener = socket.create_server((conf["host"], conf["port"]))
    except OSError as error:
        sys.exit(f"({error.errno}){error.strerror}: AH00072: make_sock: could not bind to {conf['host']}:{conf['port']}")
    os.set_inheritable(listener.fileno(), True)
    os.set_inheritable(pid_file.fileno(), True)
    signal.pthread_sigmask(signal.SIG_BLOCK, CONTROL)
    with open(os.path.join(root, "error_log"), "a", encoding="utf-8") as log:
        command = [sys.executable, __file__, root, "serve", str(listener.fileno())]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                                  start_new_session=True)
    pid_file.truncate(0)
    print(server.pid, file=pid_file, flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "serve":
        serve(sys.argv[1], sys.argv[3])
    else:
        control(sys.argv[1], sys.argv[2])
