"""Stands in for mod_wsgi-express 6.0.5, which only comes from PyPI and is compiled.

`mod_wsgi-express setup-server SCRIPT` takes the options of the real one and, like it, only writes a server root:
httpd.conf, handler.wsgi, envvars and apachectl. These run Debian's own Apache and mod_wsgi (packages apache2 and
libapache2-mod-wsgi-py3). Where they are not installed, apachectl serves with Python's wsgiref instead, and says so.
$HTTPD names another Apache, as it does for the real one.

Both were run beside each other on one host, with two releases in turn (mod_wsgi 6.0.5 built from its source, and this
one with Debian's mod_wsgi 4.9.4; Apache 2.4, event). Seen with both:
- One request after a touch, or after `current` was switched, restarts all processes of the group, one after the other:
  each refuses the request and ends. New requests wait while all of them finish what they have.
- A process whose import failed answers 500 and imports again at each request, through `current`, in the working directory
  and with the modules that it has: a touch does not restart it, and a release that is repaired in its place is served from
  the old directory.
- USR1 to a daemon process: it finishes its requests, goes on serving meanwhile, and is replaced.
- apachectl graceful and restart end daemon processes after 3 s, whatever they do: requests in flight get 502.
- ServerLimit and ThreadLimit stay as they were when Apache was started (AH00501, AH00506); more processes times threads
  than fit below them are cut (AH00508, AH00514, AH00516). So this one computes its limits as the real one does.
- apachectl graceful-stop removes httpd.pid and closes the port, and lets requests in flight finish; another start may follow
  while they do. About once in ten that comes too early: the port is still taken (AH00072). httpd.pid is written again at
  each start, restart and graceful restart.
- apachectl keeps envvars that exist, and only a start reads them.
- An exception without a frame below the application's own is logged without a traceback by 6.0.5, and with one by 4.9.4.
- Without --user, root's setup-server succeeds; Apache then refuses to run.
"""

import json
import math
import optparse
import os
import shlex
import shutil
import site
import sys

import mod_wsgi_wsgiref

MODULES = "/usr/lib/apache2/modules"

HTTPD_CONF = """\
ServerName {host}
ServerRoot '{server_root}'
DefaultRuntimeDir '{server_root}'
PidFile '{server_root}/httpd.pid'
ErrorLog '{server_root}/error_log'
LogLevel warn
Listen {listen}
{identity}
LoadModule mpm_event_module '{modules}/mod_mpm_event.so'
LoadModule authz_core_module '{modules}/mod_authz_core.so'
LoadModule alias_module '{modules}/mod_alias.so'
LoadModule wsgi_module '{modules}/mod_wsgi.so'
{limits}
Timeout 60
{keep_alive}

<Directory />
    AllowOverride None
    Require all denied
</Directory>

WSGIRestrictEmbedded On
WSGISocketPrefix '{server_root}/wsgi'
WSGIDaemonProcess '{name}' \\
    display-name='{display_name}' \\
    home='{home}' \\
    processes={processes} \\
    threads={threads} \\
    python-path='{python_path}' \\
    lang='C.UTF-8' locale='C.UTF-8' \\
    queue-timeout=45 socket-timeout=60 connect-timeout=15 request-timeout=60 startup-timeout=15 deadlock-timeout=60 \\
    graceful-timeout={graceful_timeout} shutdown-timeout={shutdown_timeout} \\
    {owner}
WSGIScriptReloading On
WSGIPassAuthorization On
WSGIHandlerScript wsgi-handler '{server_root}/handler.wsgi' \\
    process-group='{name}' application-group=%{{GLOBAL}}
WSGIImportScript '{server_root}/handler.wsgi' \\
    process-group='{name}' application-group=%{{GLOBAL}}

DocumentRoot '{server_root}/htdocs'
<Directory '{server_root}'>
    Require all granted
</Directory>
<Location />
    SetHandler wsgi-handler
</Location>
{aliases}"""

ALIAS = """
Alias '{mount}' '{path}'
<Directory '{directory}'>
    Require all granted
</Directory>
<Location '{mount}'>
    SetHandler none
</Location>
"""

# The script is read through `current` again when what is found there has another time: that is how a switch shows
# without a restart, in processes that keep their old python-path.
HANDLER = """\
import os

entry_point = {script!r}
found = os.path.getmtime(entry_point)
namespace = {{"__name__": "__wsgi__", "__file__": entry_point}}
with open(entry_point, encoding="utf-8") as source:
    exec(compile(source.read(), entry_point, "exec", dont_inherit=True), namespace)
application = namespace["application"]


def reload_required(environ):
    try:
        return os.path.getmtime(entry_point) != found
    except OSError:
        return True


def handle_request(environ, start_response):
    environ["PATH_INFO"] = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    environ["SCRIPT_NAME"] = ""
    return application(environ, start_response)
"""

APACHECTL = """\
#!/bin/sh

# {argv}

MOD_WSGI_SERVER_ROOT={root}
HTTPD={httpd}
. "$MOD_WSGI_SERVER_ROOT/envvars"
MODULE={module}
ROOT=$MOD_WSGI_SERVER_ROOT
case "$1" in
start|stop|restart|graceful|graceful-stop|configtest) ;;
*) echo "usage: apachectl start|stop|restart|graceful|graceful-stop|configtest" >&2; exit 2 ;;
esac
if ! [ -x "$HTTPD" ]; then
    missing="$HTTPD (Debian package apache2)"
elif ! [ -e "$MODULE" ]; then
    missing="$MODULE (Debian package libapache2-mod-wsgi-py3)"
elif [ "$1" = configtest ]; then
    exec "$HTTPD" -f "$ROOT/httpd.conf" -t
else
    exec "$HTTPD" -f "$ROOT/httpd.conf" -k "$1"
fi
echo "$missing is not installed: Python's wsgiref serves instead" >&2
exec {python} "$ROOT/wsgiref_server.py" "$ROOT" "$1"
"""


# The options of the real one's setup-server, with the values that each takes, as its --help lists them.
OPTIONS = """
--application-type TYPE;--entry-point FILE-PATH|MODULE;--application-group NAME;--process-group NAME;--host IP-ADDRESS;
--port NUMBER;--http2;--https-port NUMBER;--ssl-certificate-file FILE-PATH;--ssl-certificate-key-file FILE-PATH;
--ssl-certificate FILE-PATH;--ssl-ca-certificate-file FILE-PATH;--ssl-verify-client URL-PATH;
--ssl-certificate-chain-file FILE-PATH;--ssl-environment;--https-only;--hsts-policy PARAMS;--server-name HOSTNAME;
--server-alias HOSTNAME;--allow-localhost;--processes NUMBER;--threads NUMBER;--max-clients NUMBER;
--initial-workers NUMBER;--minimum-spare-workers NUMBER;--maximum-spare-workers NUMBER;--limit-request-body NUMBER;
--maximum-requests NUMBER;--startup-timeout SECONDS;--shutdown-timeout SECONDS;--restart-interval SECONDS;
--cpu-time-limit SECONDS;--graceful-timeout SECONDS;--eviction-timeout SECONDS;--deadlock-timeout SECONDS;
--inactivity-timeout SECONDS;--ignore-activity URL-PATH;--request-timeout SECONDS;--interrupt-timeout SECONDS;
--connect-timeout SECONDS;--socket-timeout SECONDS;--proxy-timeout SECONDS;--queue-timeout SECONDS;
--header-timeout SECONDS;--header-max-timeout SECONDS;--header-min-rate BYTES;--body-timeout SECONDS;
--body-max-timeout SECONDS;--body-min-rate BYTES;--server-backlog NUMBER;--daemon-backlog NUMBER;
--send-buffer-size NUMBER;--receive-buffer-size NUMBER;--header-buffer-size NUMBER;--response-buffer-size NUMBER;
--response-socket-timeout SECONDS;--response-flush-delay MILLISECONDS;--enable-sendfile;--disable-reloading;
--reload-on-changes;--user USERNAME;--group GROUP;--callable-object NAME;--map-head-to-get OFF|ON|AUTO;
--document-root DIRECTORY-PATH;--directory-index FILE-NAME;--directory-listing;--allow-override DIRECTIVE-TYPE;
--mount-point URL-PATH;--url-alias URL-PATH FILE-PATH|DIRECTORY-PATH;--error-document STATUS URL-PATH;--error-override;
--proxy-mount-point URL-PATH URL;--proxy-virtual-host HOSTNAME URL;--trust-proxy-header HEADER-NAME;
--trust-proxy IP-ADDRESS/SUBNET;--keep-alive-timeout SECONDS;--compress-responses;--server-metrics;
--telemetry-service TARGET;--enable-telemetry;--telemetry-ui-port NUMBER;--telemetry-interval SECONDS;
--slow-requests SECONDS;--switch-interval SECONDS;--free-threading;--telemetry-options ARGS;--server-status;
--host-access-script SCRIPT-PATH;--auth-user-script SCRIPT-PATH;--auth-type TYPE;--auth-group-script SCRIPT-PATH;
--auth-group NAME;--include-file FILE-PATH;--rewrite-rules FILE-PATH;--envvars-script FILE-PATH;--locale NAME;
--setenv KEY VALUE;--passenv KEY;--working-directory DIRECTORY-PATH;--pid-file FILE-PATH;--server-root DIRECTORY-PATH;
--server-mpm NAME;--log-directory DIRECTORY-PATH;--log-level NAME;--access-log;--startup-log;--log-to-terminal;
--access-log-format FORMAT;--error-log-format FORMAT;--error-log-name FILE-NAME;--access-log-name FILE-NAME;
--startup-log-name FILE-NAME;--rotate-logs;--max-log-size MB;--rotatelogs-executable FILE-PATH;
--python-path DIRECTORY-PATH;--python-eggs DIRECTORY-PATH;--python-warnings SPEC;--shell-executable FILE-PATH;
--httpd-executable FILE-PATH;--process-name NAME;--modules-directory DIRECTORY-PATH;--mime-types FILE-PATH;
--socket-prefix DIRECTORY-PATH;--add-handler EXTENSION SCRIPT-PATH;--chunked-request;--with-cgi;
--service-script SERVICE SCRIPT-PATH;--service-user SERVICE USERNAME;--service-group SERVICE GROUP;
--service-log-file SERVICE FILE-NAME;--orphan-interpreter;--embedded-mode;--enable-docs;--debug-mode;--enable-debugger;
--debugger-startup;--enable-coverage;--coverage-directory DIRECTORY-PATH;--enable-profiler;
--profiler-directory DIRECTORY-PATH;--enable-recorder;--recorder-directory DIRECTORY-PATH;--enable-gdb;
--gdb-executable FILE-PATH;--setup-only
"""
DEFAULTS = {"port": 8000, "threads": 5, "shutdown_timeout": 5, "graceful_timeout": 15, "keep_alive_timeout": 2}


def parser():
    """The parser of setup-server. The values of an option that may be repeated are a list."""
    formatter = optparse.IndentedHelpFormatter()
    formatter.set_long_opt_delimiter(" ")
    setup = optparse.OptionParser(usage="%prog setup-server script [options]", formatter=formatter)
    for option in OPTIONS.replace("\n", "").split(";"):
        name, *values = option.split()
        if not values:
            setup.add_option(name, action="store_true", default=False, help="see the documentation of mod_wsgi-express")
            continue
        more = {"type": "int"} if values in (["NUMBER"], ["SECONDS"]) and "workers" not in name else {}
        if len(values) > 1 or name in ("--python-path", "--trust-proxy-header"):
            more.update(action="append", default=[])
        if len(values) > 1:
            more["nargs"] = len(values)
        setup.add_option(name, metavar=" ".join(values), help="see the documentation of mod_wsgi-express", **more)
    setup.set_defaults(**DEFAULTS)
    return setup


def limits(processes, threads, most):
    """The lines with Apache's own limits, computed as the real one does."""
    clients = max(most, processes * threads) if most else 10 + max(10, int(1.5 * processes * threads))
    each = int(clients / (int(clients / 20) + 1)) if clients > 20 else 10
    servers = int(math.ceil(clients / each))
    spare = [max(each, int(part * servers) * each) for part in (0.2, 0.6)]
    return "\n".join((
        f"ServerLimit {servers}", f"ThreadLimit {each}", f"StartServers {max(1, int(0.2 * servers))}",
        f"MaxRequestWorkers {servers * each}", f"MinSpareThreads {spare[0]}", f"MaxSpareThreads {spare[1]}",
        f"ThreadsPerChild {each}"))


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def alias(mount, path):
    path = os.path.abspath(path)
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    return ALIAS.format(mount=mount, path=path, directory=directory)


def setup_server(options, script):
    root_user = os.getuid() == 0
    user, group = options.user or "root", options.group or "root"
    host = options.host or "localhost"
    root = os.path.abspath(options.server_root or f"/tmp/mod_wsgi-{host}:{options.port}:{os.getuid()}")
    for folder in (root, os.path.join(root, "htdocs")):
        if not os.path.isdir(folder):
            os.mkdir(folder)  # like the real one: not its parents
    processes = options.processes or 1
    paths = [os.path.abspath(p) for p in options.python_path]
    if sys.prefix != sys.base_prefix:
        # Where the real one sets the python home to the virtualenv that it was installed in.
        paths = site.getsitepackages() + paths
    script = os.path.abspath(script)  # not resolved: a switch of `current` must show
    home = os.path.abspath(options.working_directory or os.getcwd())
    write(os.path.join(root, "httpd.conf"), HTTPD_CONF.format(
        host=host, listen=f"{options.host or '127.0.0.1'}:{options.port}", name=f"{host}:{options.port}",
        display_name=f"(wsgi:{host}:{options.port}:{os.getuid()})", server_root=root, modules=MODULES, home=home,
        processes=processes, threads=options.threads, python_path=":".join(paths),
        limits=limits(processes, options.threads, options.max_clients),
        keep_alive=f"KeepAlive On\nKeepAliveTimeout {options.keep_alive_timeout}" if options.keep_alive_timeout else "KeepAlive Off",
        graceful_timeout=options.graceful_timeout, shutdown_timeout=options.shutdown_timeout,
        identity=f"User {user}\nGroup {group}" if root_user else "",
        owner=f"user={user} group={group}" if root_user else "",
        aliases="".join(alias(*a) for a in options.url_alias)))
    write(os.path.join(root, "handler.wsgi"), HANDLER.format(script=script))
    if not os.path.exists(os.path.join(root, "envvars")):
        write(os.path.join(root, "envvars"), "")
    write(os.path.join(root, "apachectl"), APACHECTL.format(
        argv=repr(sys.argv), root=shlex.quote(root),
        httpd=shlex.quote(os.environ.get("HTTPD", "/usr/sbin/apache2")), module=shlex.quote(f"{MODULES}/mod_wsgi.so"),
        # Not the virtualenv's: that goes when its release is pruned.
        python=shlex.quote(os.path.realpath(sys.executable))), 0o755)
    shutil.copyfile(mod_wsgi_wsgiref.__file__, os.path.join(root, "wsgiref_server.py"))
    write(os.path.join(root, "wsgiref.json"), json.dumps({
        "host": options.host or "127.0.0.1", "port": options.port, "home": home, "paths": paths}))
    print(f"Server URL         : http://{host}:{options.port}/")
    print(f"Server Root        : {root}")
    print(f"Server Conf        : {root}/httpd.conf")
    print(f"Error Log File     : {root}/error_log")
    print(f"Environ Variables  : {root}/envvars")
    print(f"Control Script     : {root}/apachectl")


def main():
    if sys.argv[1:2] != ["setup-server"]:
        sys.exit("mod_wsgi-express: error: Invalid command was specified.")
    setup = parser()
    options, arguments = setup.parse_args(sys.argv[2:])
    if len(arguments) != 1:
        setup.error("want one script")
    setup_server(options, arguments[0])


if __name__ == "__main__":
    main()
