#!/usr/bin/env python3
"""Verifies a new release: its Python, its files, and that every requirement is installed.

pip's exit status alone is not enough: with a variable such as PIP_TARGET it installs elsewhere.
Prints "missing" and a text for the first requirement that is not installed. Else it prints "checksum"
and the checksum of the requirements, then "warning" and a text for each package that lacks a
dependency, as pip check does. Arguments: the virtualenv, the WSGI script or "", the file to take the
checksum of or "", and the file that lists the requirements: the same file, or one made from it. A uv.lock
lists the versions of all packages; those that the project itself needs must be installed.
"""
import codecs
import hashlib
import io
import operator
import os
import re
import sys

BOMS = (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")
NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?=\s*(?:$|[\[<>=!~;@(]))")
COMMON = re.compile(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^();@]*)\)?\s*(?:;\s*(.*))?$")
SPECIFIER = re.compile(r"\s*([<>=!]=|[<>])\s*([\w.+!]+)\s*$")
MARKER = re.compile(r"(python_version|sys_platform)\s*([<>=!]=|[<>])\s*['\"]([\w.]+)['\"]\s*$")
COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
           ">": operator.gt, ">=": operator.ge}
loaded = []


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


def read_lines(path):
    """Returns the lines of a requirements file, joined where a backslash continues them."""
    with open(path, "rb") as f:
        data = f.read()
    encoding = next((name for bom, name in BOMS if data.startswith(bom)), "utf-8")
    text = re.sub(r"\\\r?\n", " ", data.decode(encoding, "replace"))
    return [re.sub(r"(^|\s)#.*$", "", line).strip() for line in text.splitlines()]


def read_requirements(path, seen):
    """Yields the requirements in a file and in the files that it includes."""
    seen.add(os.path.realpath(path))
    for line in read_lines(path):
        include = re.match(r"(?:-r|--requirement)(?:\s+|=)?(\S+)", line)
        if include:
            other = os.path.join(os.path.dirname(path), include.group(1))
            if os.path.isfile(other) and os.path.realpath(other) not in seen:
                for requirement in read_requirements(other, seen):
                    yield requirement
        elif NAME.match(line) and not re.search(r"\.(whl|zip|tar\.\w+|tgz)$", line) and not os.path.exists(line):
            # neither an option nor a path nor a URL
            yield re.sub(r"\s--?[a-z].*$", "", line)


def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def installed():
    """Maps the names of the installed packages to their version and the path of their metadata."""
    found = {}
    for folder in sys.path:
        for entry in os.listdir(folder) if folder and os.access(folder, os.R_OK) and os.path.isdir(folder) else []:
            match = re.match(r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$", entry)
            if match:
                path = os.path.join(folder, entry)
                if os.path.isdir(path):
                    path = os.path.join(path, "METADATA" if entry.endswith(".dist-info") else "PKG-INFO")
                found.setdefault(normalize(match.group(1)), (match.group(2), path))
    return found


def load_packaging():
    """Returns the class of requirements in pip; or None with uv or a very old pip, where only names are compared."""
    if not loaded:
        try:
            from pip._vendor.packaging.requirements import Requirement as found
        except ImportError:
            found = None
        loaded.append(found)
    return loaded[0]


def compare(version, sign, other):
    """Compares two versions of numbers alone. It returns None for others, unless they are the same."""
    if version == other:
        return sign in ("==", ">=", "<=")
    if not all(re.match(r"\d+(\.\d+)*$", text) for text in (version, other)):
        return None
    numbers = ([int(n) for n in re.sub(r"(\.0+)+$", "", text).split(".")] for text in (version, other))
    return COMPARE[sign](*numbers)


def is_surely_met(text, packages):
    """Reports whether a requirement is met or does not count here, where that is obvious.

    It spares most releases the import of packaging, which takes longer than the rest of this program.
    """
    common = COMMON.match(text)
    if not common:
        return False
    name, specifiers, marker = common.groups()
    if marker and re.search(r"\bextra\s*==\s*['\"]\w", marker) and not re.search(r"\bor\b", marker):
        return True
    condition = MARKER.match(marker or "")
    if condition:
        variable, sign, value = condition.groups()
        if variable == "python_version" and compare("%d.%d" % sys.version_info[:2], sign, value) is False:
            return True
        if variable == "sys_platform" and sign in ("==", "!=") and not COMPARE[sign](sys.platform, value):
            return True
    version = packages.get(normalize(name), [None])[0]
    wanted = [SPECIFIER.match(part) for part in specifiers.split(",") if part.strip()]
    return version is not None and all(match and compare(version, *match.groups()) for match in wanted)


def missing(text, packages):
    """Returns what is wrong with a requirement, or None."""
    if is_surely_met(text, packages):
        return None
    parsed, parse = None, load_packaging()
    if parse:
        try:
            parsed = parse(text)
        except ValueError:  # an old form, or one of a newer packaging
            pass
    if parsed and parsed.marker and not parsed.marker.evaluate({"extra": ""}):
        return None
    if not parsed and ";" in text:
        return None
    name = parsed.name if parsed else NAME.match(text).group()
    if normalize(name) not in packages:
        return "%s is not installed" % name
    version = packages[normalize(name)][0]
    try:
        if parsed and not parsed.url and not parsed.specifier.contains(version, prereleases=True):
            return "%s %s is installed instead of %s" % (name, version, text)
    except ValueError:  # a version that packaging cannot compare
        pass
    return None


def dependencies(path):
    """Yields what a package requires."""
    try:
        with io.open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if not line.strip():
                    return
                if line.startswith("Requires-Dist:"):
                    yield line.split(":", 1)[1].strip()
    except OSError:
        return


def read_lock(path):
    """Returns the versions of each package in a uv.lock, and what its project requires on every platform.

    Not every Python that uv supports can parse TOML. uv writes each of these values on its own line.
    """
    versions, required, name, own, listing = {}, [], "", False, False
    with io.open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            value = re.match(r'(name|version) = "([^"]+)"$', line)
            dependency = re.match(r' +\{ name = "([^"]+)"', line)
            if line.startswith("["):  # the next package, or a table of this one
                name, own, listing = "", False, False
            elif value and value.group(1) == "name":
                name = normalize(value.group(2))
                versions.setdefault(name, set())
            elif value and name:
                versions[name].add(value.group(2))
            elif re.match(r'source = \{ (virtual|editable|directory) = "\." \}$', line):
                own = True
            elif line.startswith("dependencies = ["):
                listing = own
            elif line == "]":
                listing = False
            elif listing and dependency and "marker = " not in line:
                required.append(normalize(dependency.group(1)))
    return versions, required


def missing_of_lock(path, packages):
    """Returns what the packages lack of a uv.lock, or None."""
    versions, required = read_lock(path)
    for name in required:
        if name not in packages:
            return "%s is not installed" % name
    for name in sorted(versions):
        version = packages[name][0] if name in packages else None
        if version and versions[name] and version not in versions[name]:
            return "%s %s is installed instead of %s" % (name, version, " or ".join(sorted(versions[name])))
    return None


def main():
    venv, wsgi, requirements, listed = sys.argv[1:]
    if os.path.realpath(sys.prefix) != os.path.realpath(venv):
        sys.exit("this Python belongs to %s instead of %s" % (sys.prefix, venv))
    if wsgi and not os.path.isfile(wsgi):
        sys.exit("there is no %s in this revision; name the WSGI script with --wsgi" % wsgi)
    if not requirements:
        return
    packages = installed()
    if os.path.basename(listed) == "uv.lock":
        found = [missing_of_lock(listed, packages)]
    elif listed.endswith(".toml"):  # for uv, which read it
        found = []
    else:
        found = (missing(text, packages) for text in read_requirements(listed, set()))
    for wrong in found:
        if wrong:
            say("missing", "%s, which %s requires" % (wrong, requirements))
            return
    with open(requirements, "rb") as f:
        say("checksum", hashlib.sha256(f.read()).hexdigest())
    for name in sorted(packages):
        for text in dependencies(packages[name][1]):
            wrong = missing(text, packages)
            if wrong and load_packaging():
                say("warning", "%s, which %s requires" % (wrong, name))


main()
