//! Names that a project would not build under: its crate, its module or its type would stand in the
//! place of one that it needs.

use crate::project::Language;

/// Crates that a plugin in Rust is made of, and words that cannot name one.
const CRATES: [&str; 7] = [
    "attune-sdk",
    "crate",
    "schemars",
    "self",
    "serde",
    "serde-json",
    "super",
];

/// Types, by the names that would become them, that the sources of new projects use.
const TYPES: [&str; 37] = [
    "asset-spec",
    "assets",
    "box",
    "columns",
    "data",
    "data-row",
    "default",
    "deserialize",
    "ending",
    "err",
    "group",
    "hint",
    "json-schema",
    "judgement",
    "labeler",
    "layout",
    "metric-spec",
    "no-settings",
    "none",
    "ok",
    "option",
    "plugin",
    "problems",
    "query",
    "result",
    "rollout",
    "row",
    "row-result",
    "serialize",
    "settings",
    "shaped",
    "shaper",
    "some",
    "string",
    "task",
    "vec",
    "verdict",
];

/// Words that Python keeps for itself, and its own modules: one in the project would hide them.
const PYTHON: &str = "attune-sdk attune-world attune-entry \
    and as assert async await break class continue def del elif else except false finally for from \
    global if import in is lambda nonlocal not or pass raise return true try while with yield \
    abc annotationlib antigravity argparse array ast asyncio atexit base64 bdb binascii bisect \
    builtins bz2 calendar cmath cmd code codecs codeop collections colorsys compileall compression \
    concurrent configparser contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime \
    dbm decimal difflib dis doctest email encodings ensurepip enum errno faulthandler fcntl filecmp \
    fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob graphlib grp gzip \
    hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword \
    linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder multiprocessing \
    netrc numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib \
    poplib posix pprint profile pstats pty pwd pyclbr pydoc queue quopri random re readline reprlib \
    resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtplib \
    socket socketserver sqlite3 ssl stat statistics string stringprep struct subprocess symtable sys \
    sysconfig syslog tabnanny tarfile tempfile termios textwrap this threading time timeit tkinter \
    token tokenize tomllib trace traceback tracemalloc tty turtle types typing unicodedata unittest \
    urllib uuid venv warnings wave weakref webbrowser wsgiref xml xmlrpc zipapp zipfile zipimport zlib \
    zoneinfo";

/// Classes of JavaScript that a plugin of the name would hide from its own module; and the SDK.
const JAVASCRIPT: &str = "attune-sdk array boolean date error function invalid map math not-applicable number \
    object promise proxy reflect reg-exp rng set string symbol";

/// What the name is already, if it cannot be a plugin's in this language.
#[must_use]
pub fn taken(name: &str, language: Language) -> Option<&'static str> {
    if TYPES.contains(&name) {
        return Some("a type that its source uses");
    }
    match language {
        Language::Rust if CRATES.contains(&name) => Some("a crate that it is built with"),
        Language::Python if PYTHON.split_whitespace().any(|known| known == name) => {
            Some("a word or a module of Python")
        }
        Language::JavaScript if JAVASCRIPT.split_whitespace().any(|known| known == name) => {
            Some("a class or a package that it may need")
        }
        _ => None,
    }
}
