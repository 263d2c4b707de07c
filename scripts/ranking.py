"""Writes what ratings and intervals of host/src/eval are compared with: choix, statsmodels and scipy on drawn duels.

    pip install choix statsmodels scipy
    python scripts/ranking.py tests/eval/ranking.json
"""

import json
import sys

import choix
import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

MODELS = 4
POINTS = 400 / np.log(10)
Z = stats.norm.ppf(0.975)


def drawn(rng, count):
    """Duels between random models, with ties and answers of different lengths."""
    strength = np.array([0.9, 0.3, -0.2, -1.0])
    rows = []
    for _ in range(count):
        a, b = rng.choice(MODELS, 2, replace=False)
        lengths = [int(x) for x in rng.integers(10, 90, 2)]
        x = strength[a] - strength[b] + 0.01 * (lengths[0] - lengths[1])
        outcome = 0.5 if rng.random() < 0.1 else float(rng.random() < 1 / (1 + np.exp(-x)))
        rows.append({"models": [int(a), int(b)], "outcome": outcome, "lengths": lengths})
    return rows


def ratings(rows):
    design = np.zeros((len(rows), MODELS - 1))
    for row, duel in zip(design, rows):
        for model, sign in zip(duel["models"], (1, -1)):
            if model < MODELS - 1:
                row[model] += sign
    outcomes = [duel["outcome"] for duel in rows]
    fit = sm.GLM(outcomes, design, family=sm.families.Binomial()).fit(tol=1e-13)
    share = np.vstack([np.eye(MODELS - 1), np.zeros(MODELS - 1)]) - 1 / MODELS
    value = share @ fit.params
    error = np.sqrt(np.diag(share @ fit.cov_params() @ share.T))
    # choix counts a tie as a win of each, once where other duels are there twice.
    pairs = []
    for duel in rows:
        a, b = duel["models"]
        pairs += {1.0: [(a, b)] * 2, 0.0: [(b, a)] * 2, 0.5: [(a, b), (b, a)]}[duel["outcome"]]
    by_choix = choix.opt_pairwise(MODELS, pairs, alpha=0.0, tol=1e-12)
    assert np.abs(by_choix - by_choix.mean() - value).max() < 1e-6, by_choix
    return [[POINTS * v, POINTS * (v - Z * e), POINTS * (v + Z * e)] for v, e in zip(value, error)]


def by_length(rows):
    longer = np.array([duel["lengths"][0] - duel["lengths"][1] for duel in rows], float)
    design = np.column_stack([np.ones(len(rows)), np.tanh(longer / longer.std())])
    outcomes = [duel["outcome"] for duel in rows]
    fit = sm.GLM(outcomes, design, family=sm.families.Binomial()).fit(tol=1e-13)
    value, error = fit.params[0], np.sqrt(fit.cov_params()[0, 0])
    return [float(1 / (1 + np.exp(-x))) for x in (value, value - Z * error, value + Z * error)]


def paired(rng, count):
    first, second = rng.normal(0.3, 1, count).round(3), rng.normal(0, 1, count).round(3)
    exact = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    return {"first": first.tolist(), "second": second.tolist(), "p": float(exact.pvalue)}


def main():
    rng = np.random.default_rng(7)
    rows = drawn(rng, 300)
    two = [duel for duel in rows if set(duel["models"]) == {0, 1}]
    for duel in two:
        if duel["models"] == [1, 0]:
            duel["models"].reverse()
            duel["lengths"].reverse()
            duel["outcome"] = 1 - duel["outcome"]
    cases = [(0, 5), (7, 7), (3, 11), (120, 180), (1, 999), (88, 12)]
    golden = {
        "duels": rows,
        "ratings": ratings(rows),
        "two": two,
        "by_length": by_length(two),
        "wilson": [[h, h + n, *proportion_confint(h, h + n, method="wilson")] for h, n in cases],
        "sign": [[w, l, stats.binomtest(w, w + l).pvalue] for w, l in cases + [(3000, 3200)]],
        "paired": [paired(rng, count) for count in (2, 5, 9, 14)],
    }
    with open(sys.argv[1], "w", encoding="ascii") as to:
        json.dump(golden, to, default=float)
        to.write("\n")


main()
