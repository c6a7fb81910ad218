#!/usr/bin/env python3
"""Finds the shared virtualenv that fits, where pip's result is certain.

Prints "loose" and why the result is not certain; or "have" or "make" and the name of the
virtualenv. Removes what an earlier run left unfinished. Arguments: the folder of virtualenvs, the
requirements file or "", and pip's arguments.
"""
import codecs
import hashlib
import os
import re
import shutil
import sys

venvs, requirements, pip = sys.argv[1], sys.argv[2], sys.argv[3:]
PINNED = re.compile(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*(===?\s*[^\s;,*]+|@\s*\S+#sha256=[0-9a-f]{64}|@\s*git\+\S+@[0-9a-f]{40}(#\S*)?)\s*(;.*|--hash=.*)?$")
OTHER = re.compile(r"-[rce]|--requirement|--constraint|--editable")
BOMS = (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


def loose(what):
    say("loose", what)
    sys.exit(0)


text = ""
if requirements.endswith(".toml"):
    loose("%s is not a list of pinned requirements" % requirements)
if requirements:
    with open(requirements, "rb") as f:
        data = f.read()
    text = data.decode(next((name for bom, name in BOMS if data.startswith(bom)), "utf-8"), "replace")
for line in re.sub(r"\\\r?\n", " ", text).splitlines():
    line = re.sub(r"(^|\s)#.*$", "", line).strip()
    if OTHER.match(line):
        loose("%s has the line %s" % (requirements, line))
    if line and not line.startswith("-") and not PINNED.match(line):
        loose("%s does not pin %s by ==" % (requirements, line))
before = ""
for argument in pip:
    if OTHER.match(argument):
        loose("of the argument %s for pip" % argument)
    value = before.startswith("-") and "=" not in before
    if not argument.startswith("-") and not value and not PINNED.match(argument):
        loose("an argument for pip does not pin %s by ==" % argument)
    before = argument

program = os.path.realpath(sys.executable)
stat = os.stat(program)
what = repr((program, stat.st_size, stat.st_mtime, sys.version, text, pip))
name = hashlib.sha256(what.encode("utf-8")).hexdigest()[:16]
place = os.path.join(venvs, name)
if os.path.isfile(os.path.join(place, ".runbook-complete")):
    say("have", name)
else:
    if os.path.lexists(place):
        shutil.rmtree(place)
    say("make", name)
