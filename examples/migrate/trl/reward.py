"""A reward function as TRL's trainers take it: all completions at once, a list of floats back."""

import re


def format_reward(completions, **kwargs):
    sentence = re.compile(r"^\s*[A-Z].*[.!?]\s*$", re.DOTALL)
    return [1.0 if sentence.match(completion) else 0.0 for completion in completions]
