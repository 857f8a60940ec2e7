# SPDX-License-Identifier: Apache-2.0

# Times R on the samples that `analysis --inputs=FOLDER` wrote: lines of program, test, nanoseconds per value.
# Usage: Rscript analysis.R FOLDER

folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) readBin(file.path(folder, name), "double", n = 2e6)
best <- function(call, repetitions = 2) min(replicate(repetitions, system.time(call())[["elapsed"]]))
show <- function(program, test, seconds, values) cat(sprintf("%s\t%s\t%.4g\n", program, test, 1e9 * seconds / values))

x <- read("x"); y <- read("y")
show("R", "welch", best(function() t.test(x, y)), 2e6)
show("R", "mann_whitney", best(function() wilcox.test(x, y), 1), 2e6)
show("R", "wilcoxon", best(function() wilcox.test(x, y, paired = TRUE), 1), 1e6)
show("R", "kolmogorov_smirnov", best(function() ks.test(x, y)), 2e6)
small_x <- x[1:10000]; small_y <- y[1:10000]
show("R", "bootstrap", best(function() {
  quantile(replicate(1000, mean(sample(small_x, replace = TRUE)) - mean(sample(small_y, replace = TRUE))), c(0.025, 0.975))
}, 1), 2e7)
if (requireNamespace("pROC", quietly = TRUE)) {
  labels <- read("labels"); a <- read("a"); b <- read("b")
  show("pROC", "delong", best(function() {
    pROC::roc.test(pROC::roc(labels, a, levels = c(0, 1), direction = "<"), pROC::roc(labels, b, levels = c(0, 1), direction = "<"),
                   method = "delong", paired = TRUE)
  }, 1), 1e5)
} else {
  message("# skipped: pROC is not installed")
}
