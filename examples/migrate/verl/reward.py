"""A reward function as verl takes it: one solution at a time, with the truth from the data set."""

import re


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    if ground_truth is None:
        return None
    found = re.findall(r"#### (-?[0-9.,]+)", solution_str)
    if not found:
        return 0.0
    answer = found[-1].replace(",", "").rstrip(".")
    return 1.0 if answer == ground_truth else 0.1
