#!/usr/bin/env python3
"""Makes a virtualenv. Arguments: the virtualenv; "venv" or "virtualenv", the module that makes it; an earlier virtualenv, if
there is one.

With venv this does what `python -m venv` does, without its slow part. ensurepip calls the pip in
its own wheel, which takes nearly all the time of `python -m venv`: that pip runs uncompiled, then
compiles all of itself. Here install_pip runs in the new environment instead. Where it fails,
because this venv or ensurepip is not like the known ones, this falls back to `python -m venv`.
Where Python has no venv or no ensurepip, or both ways fail, it falls back to virtualenv. It prints
why it fell back.
"""
import importlib.util
import marshal
import os
import shutil
import subprocess
import sys


def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))


def install_pip():
    """Installs what ensurepip would from the wheels that come with Python: pip, and before Python 3.12 setuptools.

    It unpacks the wheels and writes what pip would, except for compiled files. The arguments are an earlier environment
    and folders of modules. Files that are the same there come from there, and so do pip's compiled files. Without
    them, pip's first run compiles the modules that it imports, which takes as long as all else that it does. Where
    versions of pip differ, pip's own source shows how. The environment's Python gets the code of this function
    alone, so everything that it uses is in it.
    """
    import ast, base64, configparser, csv, ensurepip, hashlib, importlib.util, io, os, re, stat, sys, sysconfig
    import textwrap, zipfile

    packages, programs = sysconfig.get_path("purelib"), sysconfig.get_path("scripts")
    earlier = sys.argv[1] and os.path.join(sys.argv[1], os.path.relpath(packages, sys.prefix))
    plain, made = os.umask(0o077), set()
    os.umask(plain)
    plain = 0o666 & ~plain

    def read_own(path):
        """Returns a file of root or of this user, and its time; of other users it returns nothing."""
        fd = os.open(path, os.O_RDONLY)
        try:
            state = os.fstat(fd)
            return os.read(fd, state.st_size) if state.st_uid in (0, os.getuid()) else None, state.st_mtime
        finally:
            os.close(fd)

    def checksum(data):
        return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

    def find(name, digest):
        """Returns the folder that has the same file, its content, and its time; or Nones."""
        for folder in [earlier] * bool(earlier) + sys.argv[2:]:
            try:
                data, changed = read_own(os.path.join(folder, name))
            except OSError:
                continue
            if data is not None and checksum(data) == digest:
                return folder, data, changed
        return None, None, None

    def locate(name):
        """Returns the path of a file, whose folder it makes."""
        path = os.path.join(packages, name)
        folder = os.path.dirname(path)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        return path

    def write(path, data):
        with open(path, "wb") as f:
            f.write(data)

    def link(folder, name, mode):
        """Makes a hard link to a file of the earlier environment, which costs far less than a new file.

        Reports whether it did. Owner and mode must be those of a new file. Files of the interpreter are not linked:
        whoever changes the owner or the mode of all files of a release would change theirs.
        """
        source = os.path.join(folder, name)
        try:
            state = os.lstat(source)
            if folder != earlier or state.st_uid != os.getuid() or state.st_mode != stat.S_IFREG | mode:
                return False
            os.link(source, locate(name))
            return True
        except OSError:  # such as another file system, or too many links
            return False

    def install_compiled(folder, name, linked):
        """Links or copies the compiled file of a module from the folder that has the same source, if it is there.

        Python uses it only if the time of the source is in it, and compiles again otherwise.
        """
        name = importlib.util.cache_from_source(name)
        if linked and link(folder, name, plain):
            return
        try:
            code, _ = read_own(os.path.join(folder, name))
        except OSError:
            return  # it is not compiled
        if code:
            write(locate(name), code)

    def install_file(wheel, info, digest):
        """Installs a file of a wheel, or the same file of another folder."""
        name, mode = info.filename, plain | (0o111 if info.external_attr >> 16 & 0o111 else 0)
        folder, data, changed = find(name, digest)
        linked = folder is not None and link(folder, name, mode)
        if not linked:
            path = locate(name)
            write(path, wheel.read(info) if data is None else data)
            if mode != plain:
                os.chmod(path, mode)
            if folder is not None:
                os.utime(path, (changed, changed))
        if folder is not None and name.endswith(".py") and (linked or name.startswith("pip/")):
            install_compiled(folder, name, linked)

    def read_source(wheels, pattern):
        """Returns the first file in the wheels whose name matches, or an empty text."""
        for wheel in wheels:
            for name in wheel.namelist():
                if re.match(pattern, name):
                    return wheel.read(name).decode("utf-8")
        return ""

    def find_template(*sources):
        """Returns the text of entry scripts from the first of pip's sources that has it."""
        for text in sources:
            found = re.search(r"(?i)script_template = (?:textwrap\.dedent\()?\s*(r?(['\"]{3}).*?\2)", text, re.DOTALL)
            if found:
                return textwrap.dedent(ast.literal_eval(found.group(1)))
        raise ValueError("no text of entry scripts in pip's sources")

    def format_shebang(blank_line):
        """Returns the first lines of an entry script.

        Python's path after #! is limited in length and cannot have a space in it. Then sh starts Python, to which these
        lines are a string. Before distlib 0.2.8 a blank line followed #!.
        """
        path = os.fsencode(sys.executable).decode("utf-8")
        if " " in path:
            path = '"%s"' % path
        elif len(path.encode("utf-8")) + 3 <= (512 if sys.platform == "darwin" else 127):
            return "#!%s\n" % path + "\n" * blank_line
        return "#!/bin/sh\n'''exec' %s \"$0\" \"$@\"\n' '''\n" % path

    def parse_entry_points(text):
        """Maps names of scripts to MODULE:FUNCTION, with the versions of this Python in them as pip does for itself."""
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str
        parser.read_string(text)
        if parser.has_section("gui_scripts"):
            raise ValueError("a wheel has gui_scripts")
        scripts = dict(parser.items("console_scripts")) if parser.has_section("console_scripts") else {}
        minor = "%d.%d" % sys.version_info[:2]
        for base, names in ("pip", ("pip", "pip3", "pip" + minor)), ("easy_install", ("easy_install", "easy_install-" + minor)):
            function = scripts.get(base)
            if function:
                scripts = {name: scripts[name] for name in scripts if not re.match(base + r"(-?\d+(\.\d+)?)?$", name)}
                scripts.update((name, function) for name in names)
        return scripts

    def unpack(wheel, template, requested):
        """Installs a wheel, and records each file with its checksum."""
        files = [info for info in wheel.infolist() if not info.filename.endswith("/")]
        names = {info.filename for info in files}
        folder, = {name.split("/")[0] for name in names if re.match(r"[^/]+\.dist-info/WHEEL$", name)}
        about = wheel.read(folder + "/WHEEL").decode("utf-8")
        if not re.search(r"(?m)^Wheel-Version: 1\.", about) or not re.search(r"(?mi)^Root-Is-Purelib: true", about):
            raise ValueError("%s is not of a pure Python wheel, version 1" % folder)
        if any(re.search(r"^/|(^|/)\.\.(/|$)|^[^/]*\.data/", name) for name in names):
            raise ValueError("%s has a .data folder beside it, or files elsewhere" % folder)
        rows = [row for row in csv.reader(io.StringIO(wheel.read(folder + "/RECORD").decode("utf-8"))) if row]
        rows += [[name, "", ""] for name in names.difference(row[0] for row in rows)]

        digests = {row[0]: row[1] for row in rows}
        for info in files:
            install_file(wheel, info, digests[info.filename])

        def generate(path, data):
            write(path, data)
            rows.append([os.path.relpath(path, packages), checksum(data), str(len(data))])

        points = folder + "/entry_points.txt"
        if points in names:
            for name, function in parse_entry_points(wheel.read(points).decode("utf-8")).items():
                module, attribute = re.match(r"([\w.]+)\s*:\s*([\w.]+)$", function).groups()
                text = template % {"module": module, "import_name": attribute.split(".")[0], "func": attribute}
                path = os.path.join(programs, name)
                generate(path, text.encode("utf-8"))
                os.chmod(path, os.stat(path).st_mode | 0o555)
        generate(os.path.join(packages, folder, "INSTALLER"), b"pip\n")
        if requested:
            generate(os.path.join(packages, folder, "REQUESTED"), b"")
        with open(os.path.join(packages, folder, "RECORD"), "w", encoding="utf-8", newline="") as f:
            csv.writer(f).writerows(sorted(rows))

    def install(arguments, paths=None):
        """Does what ensurepip calls pip for. Debian 11 has pip's distlib in a wheel of its own, on sys.path."""
        wheels = [zipfile.ZipFile(path) for path in paths]
        others = [zipfile.ZipFile(path) for path in sys.path if path.endswith(".whl")]
        pip = read_source(wheels, r"pip/(_internal/(operations/install/)?)?wheel\.py$")
        distlib = read_source(wheels + others, r"(pip/_vendor/)?distlib/scripts\.py$")
        template = format_shebang("shebang + linesep" in distlib).replace("%", "%%") + find_template(pip, distlib)
        for wheel in wheels:
            unpack(wheel, template, "REQUESTED" in pip)
        return 0

    if not hasattr(ensurepip, "_run_pip"):
        raise RuntimeError("ensurepip does not call pip in the known way")
    if os.path.realpath(packages) not in map(os.path.realpath, sys.path):
        raise RuntimeError("%s is not among the folders of modules" % packages)
    ensurepip._run_pip = install
    ensurepip.bootstrap(upgrade=True, default_pip=True)


def setup_pip(builder, context):
    command = [context.env_exe, "-I", "-c", "import marshal, sys; exec(marshal.loads(sys.stdin.buffer.read()))"]
    command += sys.argv[3:] or [""]
    command += [folder for folder in sys.path if os.path.isabs(folder) and os.path.isdir(os.path.join(folder, "pip"))]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = child.communicate(marshal.dumps(install_pip.__code__))[0].decode("utf-8", "replace").strip()
    if child.returncode:
        raise RuntimeError(output.split("\n")[-1] or "exit status %d" % child.returncode)


def describe(error):
    return str(error).encode("ascii", "backslashreplace").decode()


def run_module(*words):
    """Runs a module, from a folder that nobody puts modules into. What it prints goes to standard error."""
    return subprocess.call((sys.executable, "-m") + words, stdout=sys.stderr, cwd="/")


def has_virtualenv():
    """Reports whether there is a module virtualenv. A folder of that name without modules does not count."""
    spec = importlib.util.find_spec("virtualenv")
    return spec is not None and spec.has_location


def run_virtualenv(target):
    """Makes the environment by virtualenv 14 or later, without what its settings on the host would change.

    Before version 20 it downloads pip and setuptools by default. Here it installs the ones that come
    with it.
    """
    for name in [name for name in os.environ if name.startswith("VIRTUALENV_") and not name.endswith("APP_DATA")]:
        del os.environ[name]
    return run_module("virtualenv", "--no-download", "--python", sys.executable, target)


def run_venv(target):
    """Makes the environment by venv, and returns the exit status and what went wrong with the fast way, or ""."""
    import venv
    try:
        if not hasattr(venv.EnvBuilder, "_setup_pip"):
            raise RuntimeError("venv does not install pip in the known way")
        venv.EnvBuilder._setup_pip = setup_pip
        venv.main([target])
        return 0, ""
    except Exception as e:
        reason = describe(e)
        if "[Errno 28]" in reason:  # no space left: python -m venv needs as much
            sys.exit(reason)
        return run_module("venv", "--clear", target), reason


def main():
    target, module = sys.argv[1:3]
    if module == "virtualenv":
        return run_virtualenv(target)
    try:
        import ensurepip
        import venv
        assert ensurepip and venv
    except ImportError as e:
        say("made by virtualenv, because this Python lacks a part of venv: %s" % describe(e))
        return run_virtualenv(target)
    status, reason = run_venv(target)
    if reason and not status:
        say("fell back to the slower python -m venv: %s" % reason)
    elif reason:
        print("Before that: %s" % reason, file=sys.stderr)
    if status and has_virtualenv():
        say("fell back to virtualenv, because python -m venv failed: %s" % reason)
        shutil.rmtree(target, ignore_errors=True)
        status = run_virtualenv(target)
    return status


sys.exit(main())
