# Reports whether ALLOWED_HOSTS of a Django project has a host: a record "allowed" or "refused", and the list.
# Arguments: the path of manage.py, which says where the settings are; the host.
import os
import runpy
import sys


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


manage, asked = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(manage)))
sys.argv = [manage, "version"]
try:
    runpy.run_path(manage, run_name="__main__")
except SystemExit:
    pass

from django.conf import settings  # noqa: E402
from django.http.request import split_domain_port, validate_host  # noqa: E402

hosts = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
domain = split_domain_port(asked)[0]
say("allowed" if domain and validate_host(domain, hosts) else "refused", " ".join(hosts) or "empty")
