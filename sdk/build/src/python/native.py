"""Puts golden cases to a plugin under this Python, which is no sandbox. Arguments: the SDK's folder, the
project's, module, class, the file of cases, the folder of their assets, and where the answers go."""

import importlib
import json
import sys

sdk, project, module, name, cases_file, assets, out = sys.argv[1:]
# What the plugin prints is for the author to see, and no answer.
sys.stdout = sys.stderr
sys.path[:0] = [project, sdk]

from attune_sdk import cases, testing  # noqa: E402

testing.use_bytes()
kind = getattr(importlib.import_module(module), name)
with open(cases_file, encoding="utf-8") as file:
    asked = [json.loads(line) for line in file]
answers = [cases.answer(kind, case, assets) for case in asked]
with open(out, "w", encoding="utf-8") as file:
    json.dump(answers, file)
