"""A reward function as OpenRLHF takes it: queries are prompts with responses, and there are logs."""

# Was: import torch


def reward_func(queries, prompts, labels, budget=8, **kwargs):
    words = [len(query[len(prompt) :].split()) for query, prompt in zip(queries, prompts)]
    rewards = [-0.1 * max(0, count - budget) for count in words]
    # Was: {"rewards": torch.tensor(rewards), "extra_logs": {"words": torch.tensor(words)}}
    return {"rewards": rewards, "extra_logs": {"words": words}}
