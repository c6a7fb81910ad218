#!/usr/bin/env python3
"""Prints the user's id, where this Python keeps the packages of a virtualenv, and the version of
its mod_wsgi, if there is one.

Another version of mod_wsgi may write another configuration. Argument: the virtualenv, which need
not exist.
"""
import os
import re
import sys
import sysconfig


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


def find_version():
    """Returns the version of mod_wsgi, or "". Python 3.5 has no importlib.metadata."""
    for folder in sys.path:
        for entry in sorted(os.listdir(folder)) if folder and os.path.isdir(folder) and os.access(folder, os.R_OK) else []:
            match = re.match(r"(?i)mod[-_.]wsgi-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$", entry)
            if match:
                return match.group(1)
    return ""


say(os.getuid(), sysconfig.get_path("purelib", "posix_prefix", {"base": sys.argv[1]}), find_version())
