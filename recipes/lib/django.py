# Reports whether ALLOWED_HOSTS of a Django project has the host on standard input: a record "allowed" or "refused", and the list.
# manage.py shell -c runs it.
import os
import sys

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


hosts = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
domain = split_domain_port(sys.stdin.read().strip())[0]
say("allowed" if domain and validate_host(domain, hosts) else "refused", " ".join(hosts) or "empty")
