#!/usr/bin/env python3
"""Imports the application as the server will: in the release's folder, with its Python, and as the
server's user if this is root.

Prints what went wrong, with file and line, or nothing. What the application starts while it is imported, such
as threads, ends with this process. Arguments: the WSGI script, the name of its callable, the user
or "", and the group.
"""
import os
import sys
import traceback
import types

script, name, user, group = sys.argv[1:]
answer = os.dup(1)
os.dup2(2, 1)  # what the application prints is not the answer


def report(text, file="", line=0):
    """Prints a record, which helpers.records reads."""
    record = "\0" + "".join("%s\t\0" % field for field in (text, file, line)) + "\0\n"
    os.write(answer, record.encode("utf-8", "backslashreplace"))
    os._exit(0)


if os.getuid() == 0 and user:
    import grp
    import pwd
    try:
        gid = grp.getgrnam(group).gr_gid
        uid = pwd.getpwnam(user).pw_uid
    except KeyError as e:
        report("the server is to run as %s:%s, and %s" % (user, group, str(e).strip("\"'")))
    os.initgroups(user, gid)
    os.setgid(gid)
    os.setuid(uid)
    os.environ["HOME"] = pwd.getpwuid(uid).pw_dir
sys.argv = [script]
sys.path.insert(0, os.getcwd())
module = types.ModuleType("__wsgi__")
module.__file__ = script
sys.modules["__wsgi__"] = module
try:
    with open(script, "rb") as f:
        exec(compile(f.read(), script, "exec", dont_inherit=True), module.__dict__)
except BaseException as e:
    traceback.print_exc()
    frames = traceback.extract_tb(sys.exc_info()[2])
    last = frames[-1] if len(frames) > 1 else (script, 0)
    if isinstance(e, SyntaxError):
        last = (e.filename or script, e.lineno or 0)
    report(traceback.format_exception_only(type(e), e)[-1].strip()[:1000], str(last[0]), last[1])
if not callable(getattr(module, name, None)):
    report("it defines no callable %s" % name, script)
os._exit(0)
