"""Starts Attune with the libtorch of this Python's PyTorch.

The program finds it beside this package, where pip puts both; for a PyTorch elsewhere on this Python's path, such as the
system's under an environment, it is told where."""

import importlib.metadata
import importlib.util
import os
import shlex
import sys

WANTED = "2.11"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    environment = dict(os.environ)
    folder = torch()
    if folder != os.path.join(os.path.dirname(here), "torch"):
        known = environment.get("LD_LIBRARY_PATH")
        places = [os.path.join(folder, "lib")] + ([known] if known else [])
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(places)
    program = os.path.join(here, "bin", "attune")
    os.execve(program, ["attune"] + sys.argv[1:], environment)


def torch():
    """The folder of PyTorch, found without importing it, which takes seconds."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"error: there is no PyTorch in this Python, whose libtorch Attune computes with\n{hint()}")
    folder = os.path.abspath(list(spec.submodule_search_locations)[0])
    try:
        found = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        found = WANTED  # put there by hand: the loader will say if it does not fit
    if found != WANTED and not found.startswith((WANTED + ".", WANTED + "+")):
        sys.exit(f"error: PyTorch in `{folder}` is {found}, and Attune is made for {WANTED}\n{hint()}")
    return folder


def hint():
    return f"hint: {shlex.quote(sys.executable)} -m pip install 'torch=={WANTED}.*'"


if __name__ == "__main__":
    main()
