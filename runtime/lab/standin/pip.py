"""A minimal pip: `pip install` unpacks the wheels that it finds in --find-links, and names requirements without one."""

import configparser
import glob
import os
import re
import sys
import sysconfig
import zipfile

NEEDS_VALUE = {"-r", "--requirement", "-f", "--find-links", "-i", "--index-url", "--extra-index-url", "-c", "--constraint",
               "--timeout", "--retries", "--trusted-host", "--platform", "--python-version"}


def arguments(words):
    """Yield (option, value) for each option, and ("", word) for each requirement."""
    words = iter(words)
    for word in words:
        if not word.startswith("-"):
            yield "", word
        elif "=" in word:
            yield tuple(word.split("=", 1))
        else:
            yield word, next(words, "") if word in NEEDS_VALUE else ""


def lines_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split("#")[0].strip() for line in file]
    except OSError as e:
        sys.exit("ERROR: Could not open requirements file: %s" % e)
    return [line for line in lines if line and not line.startswith("-")]


def install(words):
    folders, wanted = [], []
    for option, value in arguments(words):
        if option in ("-r", "--requirement"):
            wanted += lines_of(value)
        elif option in ("-f", "--find-links"):
            folders.append(value)
        elif option == "":
            wanted.append(value)
    for requirement in wanted:
        name, version = re.match(r"([\w.-]+)\s*(?:==\s*([\w.]+))?", requirement).groups()
        pattern = "%s-%s[+-]*.whl" % (re.sub(r"[-_.]+", "_", name), version or "*")
        found = sorted(path for folder in folders for path in glob.glob(os.path.join(folder, pattern)))
        if not found:
            print("passed over %s: this pip is a stand-in, and there is no wheel of it" % requirement)
            continue
        with zipfile.ZipFile(found[-1]) as wheel:
            wheel.extractall(sysconfig.get_path("purelib"))
            write_programs(wheel)
        print("Successfully installed %s" % os.path.basename(found[-1]))


def write_programs(wheel):
    """Write the console scripts of a wheel to bin."""
    for name in wheel.namelist():
        if not name.endswith(".dist-info/entry_points.txt"):
            continue
        points = configparser.ConfigParser()
        points.read_string(wheel.read(name).decode())
        for program, target in points["console_scripts"].items():
            path = os.path.join(sysconfig.get_path("scripts"), program)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!%s\nimport sys\nfrom %s import %s\nsys.exit(%s())\n"
                           % (sys.executable, *target.split(":"), target.split(":")[1]))
            os.chmod(path, 0o755)


def main(words):
    if words[:1] == ["install"]:
        install(words[1:])
    elif words[:1] == ["--version"]:
        print("pip 0 (the lab's stand-in)")
    elif words[:1] not in (["check"], ["list"], ["freeze"]):
        sys.exit("ERROR: the lab's pip only knows install; give the recipe a real Python for more")


if __name__ == "__main__":
    main(sys.argv[1:])
