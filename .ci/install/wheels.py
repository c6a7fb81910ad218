#!/usr/bin/python3
"""Makes wheels of the Python packages that Debian has installed, for pip on machines without PyPI: wheels.py FOLDER

They are for this machine's Python only. FOLDER also gets a requirements.txt with all of them, and pip is told to look there."""
import pathlib
import subprocess
import sys
import zipfile
from email.parser import HeaderParser

SITE = pathlib.Path("/usr/lib/python3/dist-packages")
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True)


def installed_files(package):
    names = subprocess.run(["dpkg", "-L", package], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.split("\n")
    return [p for p in map(pathlib.Path, names) if SITE in p.parents and p.is_file() and p.suffix != ".pyc"]


def wheel(info, files):
    metadata = (info if info.is_file() else info / ("METADATA" if info.suffix == ".dist-info" else "PKG-INFO")).read_text()
    headers = HeaderParser().parsestr(metadata)
    name, version = headers["Name"], headers["Version"]
    inner = "%s-%s.dist-info/" % (name.replace("-", "_"), version)
    contents = {str(f.relative_to(SITE)): f.read_bytes() for f in files if info != f and info not in f.parents}
    contents[inner + "METADATA"] = metadata.encode()
    contents[inner + "WHEEL"] = b"Wheel-Version: 1.0\nGenerator: wheels.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if (info / "entry_points.txt").is_file():
        contents[inner + "entry_points.txt"] = (info / "entry_points.txt").read_bytes()
    contents[inner + "RECORD"] = "".join("%s,,\n" % path for path in [*contents, inner + "RECORD"]).encode()
    with zipfile.ZipFile(folder / ("%s-%s-py3-none-any.whl" % (name.replace("-", "_"), version)), "w") as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
    return "%s==%s\n" % (name, version)


packages = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\n"], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
requirements = []
for package in packages.split():
    if package.startswith("python3-") or package == "gunicorn":
        files = installed_files(package)
        infos = {SITE / f.relative_to(SITE).parts[0] for f in files}
        for info in sorted(i for i in infos if i.suffix in (".egg-info", ".dist-info")):
            requirements.append(wheel(info, files))
(folder / "requirements.txt").write_text("".join(requirements))
pathlib.Path("/etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = %s\n" % folder)
