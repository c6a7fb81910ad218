"""Stands in for mod_wsgi-express 5.0.2, which only comes from PyPI and is compiled.

`mod_wsgi-express setup-server SCRIPT` takes the options of the real one that a release uses and, like it, only writes
a server root: httpd.conf, handler.wsgi, envvars and apachectl. These run Debian's own Apache and mod_wsgi (packages
apache2 and libapache2-mod-wsgi-py3). Where they are not installed, apachectl serves with Python's wsgiref instead, and
says so. $HTTPD names another Apache, as it does for the real one.
"""

import argparse
import json
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
StartServers 1
ServerLimit 2
ThreadsPerChild 20
MinSpareThreads 5
MaxSpareThreads 40
MaxRequestWorkers 40
KeepAlive Off

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
# Written by the stand-in for mod_wsgi-express: {argv}
ROOT={root}
HTTPD={httpd}
MODULE={module}
. "$ROOT/envvars"
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


def parser():
    top = argparse.ArgumentParser(prog="mod_wsgi-express", description=__doc__.splitlines()[0])
    setup = top.add_subparsers(dest="command", required=True).add_parser("setup-server")
    setup.add_argument("script", help="the WSGI script")
    setup.add_argument("--server-root", help="where the files are written; default below /tmp")
    setup.add_argument("--host", help="the address to listen on; default localhost")
    setup.add_argument("--port", type=int, default=8000)
    setup.add_argument("--processes", type=int, help="daemon processes; default 1")
    setup.add_argument("--threads", type=int, default=5, help="threads in each process; default 5")
    setup.add_argument("--user", help="who the processes run as, for root")
    setup.add_argument("--group")
    setup.add_argument("--python-path", action="append", default=[], help="a folder to import from; may be repeated")
    setup.add_argument("--working-directory", help="default: the present one")
    setup.add_argument("--url-alias", action="append", nargs=2, default=[], metavar=("MOUNT", "PATH"))
    return top


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def alias(mount, path):
    path = os.path.abspath(path)
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    return ALIAS.format(mount=mount, path=path, directory=directory)


def setup_server(options):
    root_user = os.getuid() == 0
    if root_user and not (options.user and options.group):
        sys.exit("mod_wsgi-express: for root, --user and --group must name who the processes run as, and not root")
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
    script = os.path.abspath(options.script)  # not resolved: a switch of `current` must show
    home = os.path.abspath(options.working_directory or os.getcwd())
    write(os.path.join(root, "httpd.conf"), HTTPD_CONF.format(
        host=host, listen=f"{options.host or '127.0.0.1'}:{options.port}", name=f"{host}:{options.port}",
        display_name=f"(wsgi:{host}:{options.port}:{os.getuid()})", server_root=root, modules=MODULES, home=home,
        processes=processes, threads=options.threads, python_path=":".join(paths),
        identity=f"User {options.user}\nGroup {options.group}" if root_user else "",
        owner=f"user={options.user} group={options.group}" if root_user else "",
        aliases="".join(alias(*a) for a in options.url_alias)))
    write(os.path.join(root, "handler.wsgi"), HANDLER.format(script=script))
    if not os.path.exists(os.path.join(root, "envvars")):
        write(os.path.join(root, "envvars"), "")
    write(os.path.join(root, "apachectl"), APACHECTL.format(
        argv=" ".join(shlex.quote(a) for a in sys.argv[1:]), root=shlex.quote(root),
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
    setup_server(parser().parse_args())


if __name__ == "__main__":
    main()
