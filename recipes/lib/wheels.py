#!/usr/bin/env python3
"""Prints what decides which wheels run on this Python; or, with a folder as argument, the name and the
SHA-256 of each wheel in it.
"""
import hashlib
import os
import sys
import sysconfig


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


def describe_libc():
    """Returns the C library and its version: a wheel that was built with a newer one does not run with an older one."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or "unknown libc"
    except (AttributeError, OSError, ValueError):
        return "not glibc"


def describe_platform():
    version = "%d.%d" % sys.version_info[:2]
    abi = sysconfig.get_config_var("SOABI") or sys.version
    return ", ".join([sys.implementation.name, version, abi, sysconfig.get_platform(), describe_libc()])


def checksum(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


if len(sys.argv) == 1:
    say(describe_platform())
else:
    for name in sorted(os.listdir(sys.argv[1])):
        if name.endswith(".whl"):
            say(name, checksum(os.path.join(sys.argv[1], name)))
