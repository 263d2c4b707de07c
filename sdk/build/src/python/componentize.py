"""Makes a component of a plugin's staged source. attune-build runs it, with the folder of the stage
as its argument; what it says on standard error is what the author reads.

The stage holds request.json, plugin.wit, tmp/ and app/ with the plugin's modules and the SDK."""

import ctypes
import importlib.util
import json
import os
import re
import sys

ENTRY = "attune_entry"
# An end of Python is no error to whoever imports, and would say nothing of where it is.
IMPORT = """
try:
    import {module} as module
except SystemExit as error:
    text = f"SystemExit: {{error}} (a module that is imported cannot end what imports it)"
    raise ImportError(text).with_traceback(error.__traceback__) from None
"""
# Stops an import that was seen to take too long at the line where it is.
TRACER = """
import sys
left = {lines}
def trace(frame, event, argument):
    global left
    left -= 1
    if left < 0:
        sys.settrace(None)
        raise TimeoutError("still here after {lines} lines")
    return trace
sys.settrace(trace)
"""


def main(stage):
    with open(os.path.join(stage, "request.json"), encoding="utf-8") as file:
        request = json.load(file)
    app = os.path.join(stage, "app")
    late = late_imports(app, request["modules"])
    with open(os.path.join(app, ENTRY + ".py"), "w", encoding="utf-8") as file:
        file.write(entry(request, late))
    sys.path.insert(0, request["tool"])
    import componentize_py

    if request["pin"]:
        error = ctypes.CDLL(request["pin"]).attune_pin()
        if error:
            reason = os.strerror(error)
            print(f"warning: this build cannot be repeated to the bit: {reason}", file=sys.stderr)
    wit = os.path.join(stage, "plugin.wit")
    out = os.path.join(stage, "component.wasm")
    try:
        componentize_py.componentize(
            *([wit], [request["kind"]], [], False, "attune_world", [app], [], ENTRY, out, True),
            *([], [], False, None),
        )
    except BaseException as error:
        sys.exit(told(str(error)))


def late_imports(app, modules):
    """Imports inside functions; which of them are too late is seen when all is imported."""
    path = os.path.join(app, "attune_sdk", "imports.py")
    spec = importlib.util.spec_from_file_location("imports", path)
    imports = importlib.util.module_from_spec(spec)
    sys.modules["imports"] = imports
    spec.loader.exec_module(imports)
    found = []
    for module in modules:
        with open(os.path.join(app, module), encoding="utf-8") as file:
            try:
                found += imports.late(file.read(), module)
            except SyntaxError:
                pass  # the component's Python may be newer; if it is not, it says so itself
    return [tuple(one) for one in found]


def entry(request, late):
    """The module whose classes are the component's exports."""
    words = [request[key] for key in ("kind", "name", "version", "summary")]
    return "\n".join(
        [
            "from attune_sdk import guest",
            "guest.begin()",
            TRACER.format(lines=request["lines"]) if request["lines"] else "",
            IMPORT.format(module=request["module"]),
            f"made = guest.named(module, {request['class']!r})",
            f"globals().update(guest.export(made, *{words!r}, late={late!r}))",
            "",
        ]
    )


def told(text):
    """The Python error in what componentize-py says, with the frames of the plugin's own files."""
    found = text.rfind("Traceback (most recent call last)")
    if found < 0:
        return text.strip()
    text = re.split(r"\n\s*(?:Caused by|Stack backtrace|Location):", text[found:])[0]
    lines = []
    keep = True
    for line in text.splitlines()[1:]:
        frame = re.match(r'\s*File "(/0/)?([^"]+)", line (\d+)', line)
        if frame:
            own = frame.group(1) and not re.match(r"attune_(sdk/|entry)", frame.group(2))
            keep = bool(own)
            line = line.replace("/0/", "", 1)
        elif line.strip() and not line.startswith(" "):
            keep = True
        if keep:
            lines.append(line)
    return "\n".join(lines).strip()


if __name__ == "__main__":
    main(sys.argv[1])
