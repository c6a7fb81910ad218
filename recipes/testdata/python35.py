#!/usr/bin/env python3
"""Checks that programs can run on Python 3.5, which hosts may have.

The programs come as JSON on standard input: a map from a name to a text. Each is read by the
grammar of 3.5, and searched for what later versions added: modules, functions, methods, keyword
arguments, and syntax that the grammar of this Python's ast lets through. A method is found by its
name alone, so a function of a program must not be called like one. What no such list can find:
reliance on the order of a dictionary, and values that a function accepts only since later
versions, such as bytes for json.loads. Prints each mistake and exits with status 1 if there is
any.
"""
import ast
import json
import sys
import warnings

MODULES = """secrets dataclasses contextvars importlib.metadata importlib.resources zoneinfo graphlib tomllib annotationlib
    compression string.templatelib pathlib.types""".split()

# Names of modules and of built-ins.
NAMES = """ModuleNotFoundError EncodingWarning ExceptionGroup BaseExceptionGroup PythonFinalizationError breakpoint aiter
    anext os.PathLike os.fspath os.getrandom os.preadv os.pwritev os.copy_file_range os.memfd_create
    os.register_at_fork os.waitstatus_to_exitcode os.pidfd_open os.eventfd os.posix_spawn os.posix_spawnp
    os.add_dll_directory os.login_tty os.process_cpu_count os.unshare os.setns os.splice os.listdrives
    time.time_ns time.monotonic_ns time.perf_counter_ns time.process_time_ns time.clock_gettime_ns
    time.thread_time math.prod math.isqrt math.dist math.comb math.perm math.lcm math.nextafter math.ulp
    math.tau math.remainder math.cbrt math.exp2 math.sumprod datetime.UTC asyncio.run asyncio.create_task
    asyncio.get_running_loop asyncio.current_task asyncio.all_tasks asyncio.to_thread asyncio.TaskGroup
    asyncio.timeout asyncio.Runner asyncio.Barrier contextlib.nullcontext contextlib.asynccontextmanager
    contextlib.AsyncExitStack contextlib.AbstractContextManager contextlib.chdir contextlib.aclosing
    functools.cached_property functools.singledispatchmethod functools.cache functools.Placeholder
    itertools.pairwise itertools.batched collections.abc.Buffer collections.abc.AsyncGenerator
    collections.abc.Collection collections.abc.Reversible statistics.fmean statistics.geometric_mean
    statistics.multimode shlex.join http.server.ThreadingHTTPServer http.HTTPMethod re.Match re.Pattern
    re.NOFLAG re.RegexFlag hashlib.blake2b hashlib.blake2s hashlib.sha3_224 hashlib.sha3_256 hashlib.sha3_384
    hashlib.sha3_512 hashlib.shake_128 hashlib.shake_256 hashlib.scrypt hashlib.file_digest zipfile.Path
    tarfile.data_filter tarfile.FilterError sys.getandroidapilevel sys.breakpointhook sys.unraisablehook
    sys.audit sys.addaudithook sys.pycache_prefix sys.orig_argv sys.stdlib_module_names sys.platlibdir
    sys.exception sys.activate_stack_trampoline sys.monitoring sys.set_int_max_str_digits threading.excepthook
    threading.get_native_id threading.setprofile_all socket.create_server socket.has_dualstack_ipv6
    socket.send_fds socket.recv_fds signal.raise_signal signal.strsignal signal.valid_signals
    signal.pidfd_send_signal ast.unparse ast.get_source_segment ast.Constant ast.NamedExpr
    inspect.get_annotations inspect.getasyncgenstate operator.call random.choices random.randbytes
    platform.freedesktop_os_release subprocess.CREATE_NO_WINDOW sysconfig.get_preferred_scheme
    sysconfig.get_default_scheme glob.translate os.path.isjunction os.path.splitroot os.path.isreserved
    enum.Flag enum.IntFlag enum.auto enum.StrEnum ssl.TLSVersion ssl.PROTOCOL_TLS_CLIENT
    ssl.PROTOCOL_TLS_SERVER types.NoneType types.EllipsisType types.UnionType types.WrapperDescriptorType
    copy.replace types.get_original_bases codecs.unregister""".split()

METHODS = """removeprefix removesuffix isascii bit_count fromisoformat reconfigure is_relative_to with_stem hardlink_to
    is_junction is_mount add_note with_segments""".split()

POPEN = "encoding errors text capture_output user group extra_groups umask pipesize process_group"

# Keyword arguments by the last name of the function.
KEYWORDS = {name: words.split() for name, words in {
    "run": POPEN, "Popen": POPEN, "call": POPEN, "check_call": POPEN, "check_output": POPEN,
    "getoutput": "encoding errors", "getstatusoutput": "encoding errors", "copytree": "dirs_exist_ok",
    "rmtree": "onexc dir_fd", "unlink": "missing_ok", "extractall": "filter", "extract": "filter",
    "ArgumentParser": "exit_on_error suggest_on_error color", "NamedTemporaryFile": "errors delete_on_close",
    "TemporaryFile": "errors", "mkstemp": "errors", "TemporaryDirectory": "ignore_cleanup_errors delete",
    "zip": "strict", "map": "strict", "sum": "start",
    "ThreadPoolExecutor": "thread_name_prefix initializer initargs",
    "ProcessPoolExecutor": "initializer initargs mp_context", "shutdown": "cancel_futures",
    "basicConfig": "force encoding errors", "hex": "sep bytes_per_sep",
    "ZipFile": "compresslevel strict_timestamps metadata_encoding", "write": "compresslevel",
    "writestr": "compresslevel", "resolve": "strict", "realpath": "strict",
    "glob": "root_dir dir_fd include_hidden", "iglob": "root_dir dir_fd include_hidden",
    "parse": "feature_version type_comments", "md5": "usedforsecurity", "sha1": "usedforsecurity",
    "sha256": "usedforsecurity", "new": "usedforsecurity", "isoformat": "timespec", "urlencode": "separator",
    "parse_qs": "separator max_num_fields", "parse_qsl": "separator max_num_fields", "compress": "mtime",
    "dataclass": "slots kw_only", "namedtuple": "defaults module", "read_text": "newline",
    "write_text": "newline", "HTTPSConnection": "blocksize", "HTTPConnection": "blocksize",
    "SimpleHTTPRequestHandler": "directory", "format_exception": "exc", "print_exception": "exc",
    "format_exception_only": "exc show_group",
}.items()}


def dotted(node):
    """Returns a name such as os.path.join, or "" for another expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return before and before + "." + node.attr
    return ""


def imported(tree):
    """Maps the names that a program imports to their full names."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update((alias.asname, alias.name) for alias in node.names if alias.asname)
        elif isinstance(node, ast.ImportFrom):
            names.update((alias.asname or alias.name, "%s.%s" % (node.module, alias.name)) for alias in node.names)
    return names


def find_imports(node):
    """Yields what an import statement names that 3.5 lacks."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.module == "__future__" and "annotations" in names:
            yield "from __future__ import annotations"
        names = [node.module or ""] + ["%s.%s" % (node.module, name) for name in names]
    for name in names:
        if name in NAMES or any((name + ".").startswith(module + ".") for module in MODULES):
            yield name


def find_calls(node, name):
    """Yields the keyword arguments of a call that 3.5 lacks."""
    last = name.split(".")[-1] if name else getattr(node.func, "attr", "")
    for keyword in node.keywords:
        if keyword.arg in KEYWORDS.get(last, ()):
            yield "%s(%s=…)" % (last, keyword.arg)


def find(tree):
    """Yields the line and the name of everything that 3.5 lacks."""
    names = imported(tree)
    for node in ast.walk(tree):
        found = []
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found = find_imports(node)
        elif isinstance(node, ast.JoinedStr):
            found = ["an f-string"]
        elif isinstance(node, (ast.Name, ast.Attribute)):
            first, dot, rest = dotted(node).partition(".")
            name = names.get(first, first) + dot + rest
            if name in NAMES or any((name + ".").startswith(module + ".") for module in MODULES):
                found = [name]
            elif isinstance(node, ast.Attribute) and node.attr in METHODS:
                found = ["the method " + node.attr]
        elif isinstance(node, ast.Call):
            found = find_calls(node, dotted(node.func))
        elif isinstance(node, ast.With):
            found = ["with os.scandir(…)" for item in node.items
                     if isinstance(item.context_expr, ast.Call) and dotted(item.context_expr.func) == "os.scandir"]
        elif isinstance(node, ast.Try):
            found = ["continue in finally" for inner in node.finalbody if isinstance(inner, ast.Continue)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            found = ["the union of dictionaries" for side in (node.left, node.right) if isinstance(side, ast.Dict)]
        for name in found:
            yield node.lineno, name


def main():
    failed = False
    warnings.simplefilter("error")  # such as an invalid escape
    for path, text in sorted(json.load(sys.stdin).items()):
        try:
            tree = ast.parse(text, path, feature_version=(3, 5))
            compile(text, path, "exec", dont_inherit=True)
            mistakes = ["%s:%d: Python 3.5 lacks %s" % (path, line, name) for line, name in find(tree)]
        except (SyntaxError, Warning) as e:
            mistakes = ["%s: %s" % (path, e)]
        for mistake in sorted(set(mistakes)):
            print(mistake)
            failed = True
    return failed


sys.exit(main())
