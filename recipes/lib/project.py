#!/usr/bin/env python3
"""Writes the dependencies in a pyproject.toml as a requirements file, without those of its extras.

It runs on the Python of a new virtualenv. Python reads TOML since 3.11. An older one uses the
reader inside its pip, which pip has since version 10. Arguments: the pyproject.toml, and the file to write.
"""
import importlib
import io
import sys


def find_reader():
    """Returns the function that parses TOML, or exits."""
    for name in "tomllib", "pip._vendor.tomli", "pip._vendor.toml", "pip._vendor.pytoml":
        try:
            return importlib.import_module(name).loads
        except ImportError:
            pass
    sys.exit("this Python cannot read TOML: Python 3.11 or pip 10 or later is needed; name a requirements file instead")


def main():
    path, target = sys.argv[1:]
    loads = find_reader()
    try:
        with io.open(path, encoding="utf-8-sig") as f:
            project = loads(f.read()).get("project")
    except OSError as e:
        sys.exit("%s: %s" % (path, e.strerror))
    except Exception as e:  # each reader has its own error
        sys.exit("%s is not valid TOML: %s" % (path, e))
    if not isinstance(project, dict):
        sys.exit("%s has no table [project]: name a requirements file, such as one that poetry export writes" % path)
    if "dependencies" in project.get("dynamic", []):
        sys.exit("the build backend decides the dependencies in %s: name a requirements file" % path)
    dependencies = project.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(text, type("")) for text in dependencies):
        sys.exit("the dependencies in %s are not a list of texts" % path)
    with io.open(target, "w", encoding="utf-8") as f:
        f.writelines(u"%s\n" % " ".join(text.split()) for text in dependencies)


main()
