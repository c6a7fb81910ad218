"""Stands in for Python's venv: the same virtualenv, with the lab's own small pip instead of the real one.

Installing pip is nearly all that making a virtualenv costs, and what a recipe does with one can be tried without it. This
file is found before Python's own, whose code it runs; only whoever asks for the lab's Python gets it.
"""

import os
import shutil
import sysconfig
from importlib.machinery import SourceFileLoader

_here = os.path.dirname(os.path.abspath(__file__))
_real = os.path.join(sysconfig.get_path("stdlib"), "venv")
__path__ = [_real]
__file__ = os.path.join(_real, "__init__.py")
exec(SourceFileLoader("venv", __file__).get_code("venv"))  # which Python has compiled already


class EnvBuilder(EnvBuilder):  # noqa: F821 - it comes from the code that was just run
    def __init__(self, *args, **options):
        options["with_pip"] = False
        super().__init__(*args, **options)

    def post_setup(self, context):
        packages = sysconfig.get_path("purelib", "posix_prefix", {"base": context.env_dir})
        os.makedirs(os.path.join(packages, "pip"), exist_ok=True)
        for name in ("__init__.py", "__main__.py"):
            shutil.copyfile(os.path.join(_here, "pip.py"), os.path.join(packages, "pip", name))
        program = os.path.join(context.env_dir, "bin", "pip")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec '%s' -m pip \"$@\"\n" % context.env_exe)
        os.chmod(program, 0o755)
