# SPDX-License-Identifier: Apache-2.0

"""Times NumPy and SciPy on the samples that `analysis --inputs=FOLDER` wrote: lines of program, test, nanoseconds per value.

Usage: analysis.py FOLDER
"""

import sys
import time

try:
    import numpy as np
    from scipy import stats
except ImportError as missing:
    print(f"# skipped: {missing}", file=sys.stderr)
    sys.exit(0)


def best(call, repetitions=3):
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def show(program, test, seconds, values):
    print(f"{program}\t{test}\t{1e9 * seconds / values:.4g}", flush=True)


def delong(labels, a, b):
    """Paired, by midranks."""
    positive = labels == 1
    m, n = positive.sum(), (~positive).sum()
    first, second, areas = [], [], []
    for score in (a, b):
        pooled = stats.rankdata(score)
        v = (pooled[positive] - stats.rankdata(score[positive])) / n
        w = 1.0 - (pooled[~positive] - stats.rankdata(score[~positive])) / m
        first.append(v)
        second.append(w)
        areas.append(v.mean())
    s = np.cov(first) / m + np.cov(second) / n
    z = (areas[0] - areas[1]) / np.sqrt(s[0, 0] + s[1, 1] - 2.0 * s[0, 1])
    return 2.0 * stats.norm.sf(abs(z))


def bootstrap(x, y, replicates):
    rng = np.random.default_rng(1)
    made = np.empty(replicates)
    for r in range(replicates):
        made[r] = x[rng.integers(0, x.size, x.size)].mean() - y[rng.integers(0, y.size, y.size)].mean()
    return np.quantile(made, [0.025, 0.975])


def main(folder):
    x, y, labels, a, b = (np.fromfile(f"{folder}/{name}") for name in ("x", "y", "labels", "a", "b"))
    scipy = "SciPy"
    show("NumPy", "bare_mean_and_variance", best(lambda: (x.mean(), x.var(ddof=1), y.mean(), y.var(ddof=1))), 2e6)
    show(scipy, "welch", best(lambda: stats.ttest_ind(x, y, equal_var=False)), 2e6)
    show(scipy, "mann_whitney", best(lambda: stats.mannwhitneyu(x, y, method="asymptotic"), 2), 2e6)
    show(scipy, "brunner_munzel", best(lambda: stats.brunnermunzel(x, y), 2), 2e6)
    show(scipy, "wilcoxon", best(lambda: stats.wilcoxon(x, y, mode="approx"), 2), 1e6)
    show(scipy, "kolmogorov_smirnov", best(lambda: stats.ks_2samp(x, y, mode="asymp"), 2), 2e6)
    show("NumPy", "delong", best(lambda: delong(labels, a, b)), 1e5)
    small_x, small_y = x[:10_000], y[:10_000]
    show("NumPy", "bootstrap", best(lambda: bootstrap(small_x, small_y, 1_000)), 2e7)
    difference = lambda s, t, axis=-1: s.mean(axis=axis) - t.mean(axis=axis)  # noqa: E731
    show(scipy, "bootstrap", best(lambda: stats.bootstrap((small_x, small_y), difference, n_resamples=1_000,
                                                          vectorized=True, method="percentile"), 1), 2e7)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
