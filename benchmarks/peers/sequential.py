# SPDX-License-Identifier: Apache-2.0

"""Times NumPy on two confidence sequences with an interval after every value: lines of program, test, nanoseconds per value.

Straightforward scripts written from Waudby-Smith and Ramdas 2024: the predictable-mixture empirical Bernstein sequence (theorem 2) in
whole arrays, and the hedged betting sequence (section 4) over a grid of 1,000 means.

Usage: sequential.py
"""

import sys
import time

try:
    import numpy as np
except ImportError as missing:
    print(f"# skipped: {missing}", file=sys.stderr)
    sys.exit(0)

ALPHA = 0.05


def predictable_variance(x):
    """Means and variances of what came before each value, with half a value at 1/2 and a quarter of variance to begin with."""
    t = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    before = np.concatenate([[0.5], mean[:-1]])
    spread = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    return t, before, np.concatenate([[0.25], spread[:-1]])


def empirical_bernstein(x):
    t, before, spread = predictable_variance(x)
    bets = np.minimum(np.sqrt(2 * np.log(2 / ALPHA) / (spread * t * np.log(t + 1))), 0.5)
    psi = (-np.log1p(-bets) - bets) / 4
    total = np.cumsum(bets)
    centre = np.cumsum(bets * x) / total
    half = (np.log(2 / ALPHA) + np.cumsum(4 * (x - before) ** 2 * psi)) / total
    return np.maximum.accumulate(centre - half), np.minimum.accumulate(centre + half)


def empirical_bernstein_as_they_come(x):
    """The same, one value at a time, as a service would see them."""
    total = moved = spent = seen = 0.0
    squares, lower, upper = 0.25, -np.inf, np.inf
    bound = np.log(2 / ALPHA)
    mean, spread = 0.5, 0.25
    for t, value in enumerate(x, 1):
        bet = min(np.sqrt(2 * bound / (spread * t * np.log(t + 1))), 0.5)
        total += bet
        moved += bet * value
        spent += (value - mean) ** 2 * (-np.log1p(-bet) - bet)
        seen += value
        mean = (0.5 + seen) / (t + 1)
        squares += (value - mean) ** 2
        spread = squares / (t + 1)
        lower = max(lower, (moved - bound - spent) / total)
        upper = min(upper, (moved + bound + spent) / total)
    return lower, upper


def betting(x, grid=1_000):
    t, _, spread = predictable_variance(x)
    bets = np.sqrt(2 * np.log(2 / ALPHA) / (spread * t * np.log(t + 1)))
    means = (np.arange(grid) + 0.5) / grid
    up, down = np.zeros(grid), np.zeros(grid)
    bound = np.log(1 / ALPHA)
    kept = np.ones(grid, dtype=bool)
    lower, upper = np.empty(x.size), np.empty(x.size)
    for i, value in enumerate(x):
        up += np.log1p(np.minimum(bets[i], 0.5 / means) * (value - means))
        down += np.log1p(-np.minimum(bets[i], 0.5 / (1 - means)) * (value - means))
        kept &= np.maximum(up, down) + np.log(0.5) < bound
        inside = np.flatnonzero(kept)
        lower[i], upper[i] = means[inside[0]] if inside.size else np.nan, means[inside[-1]] if inside.size else np.nan
    return lower, upper


def show(program, test, call, values, repetitions):
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(f"{program}\t{test}\t{1e9 * min(times) / values:.4g}", flush=True)


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    many, few = rng.random(100_000), rng.random(10_000)
    lower, upper = empirical_bernstein(many)
    assert lower[-1] < 0.5 < upper[-1] < 0.52
    show("NumPy on whole arrays", "empirical_bernstein/100000", lambda: empirical_bernstein(many), 1e5, 5)
    one_by_one = empirical_bernstein_as_they_come(few)
    assert abs(one_by_one[0] - empirical_bernstein(few)[0][-1]) < 1e-12
    show("NumPy value by value", "empirical_bernstein/100000", lambda: empirical_bernstein_as_they_come(few), 1e4, 3)
    lower, upper = betting(few)
    assert lower[-1] < 0.5 < upper[-1] < 0.53
    show("NumPy with a grid of 1000 means", "betting_interval_always/10000", lambda: betting(few), 1e4, 2)
