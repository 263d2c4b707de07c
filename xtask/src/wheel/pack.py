"""Packs a program and its plugins as a Python wheel: pack.py PROGRAM PLUGINS LAUNCHER VERSION OUT prints its path.

A wheel is a zip with a list of its files. The same input gives the same bytes."""

import base64
import hashlib
import os
import platform
import sys
import zipfile

SUMMARY = "Fine-tunes language models from human preferences; tasks, labelers and reward shapers are plugins"


def main(program, plugins, launcher, version, out):
    tag = f"py3-none-{sys.platform}_{platform.machine()}"
    about = f"attune-{version}.dist-info"
    files = [
        ("attune/__init__.py", b'"""Attune is a program; `attune --help` says what it does."""\n', False),
        ("attune/__main__.py", read(launcher), False),
        ("attune/bin/attune", unlinked(read(program)), True),
    ]
    for name in sorted(os.listdir(plugins)):
        if name.endswith(".wasm"):
            files.append((f"attune/plugins/{name}", read(os.path.join(plugins, name)), False))
    metadata = (
        f"Metadata-Version: 2.1\nName: attune\nVersion: {version}\nSummary: {SUMMARY}\nLicense: Apache-2.0\n"
        "Requires-Python: >=3.10\nRequires-Dist: torch==2.11.*\n"
    )
    wheel = f"Wheel-Version: 1.0\nGenerator: attune\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files += [
        (f"{about}/METADATA", metadata.encode(), False),
        (f"{about}/WHEEL", wheel.encode(), False),
        (f"{about}/entry_points.txt", b"[console_scripts]\nattune = attune.__main__:main\n", False),
    ]
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data, _ in files)
    files.append((f"{about}/RECORD", f"{record}{about}/RECORD,,\n".encode(), False))
    path = os.path.join(out, f"attune-{version}-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data, runs in files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if runs else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, data)
    print(path)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def unlinked(program):
    """The program without the folder of the libtorch that it was linked with: it has the one beside it."""
    beside = b"$ORIGIN/../../torch/lib"
    at = program.find(beside + b":")
    if at < 0:
        if beside not in program:
            sys.exit("error: the program does not look for libtorch beside it")
        return program
    start = at + len(beside)
    end = program.index(b"\0", start)
    return program[:start] + b"\0" * (end - start) + program[end:]


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
