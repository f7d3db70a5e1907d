# Time one task with coin or estimatr, in a process of its own.
#
#   Rscript benchmarks/worker_trials.R TOOL TASK DATA REPEATS
#
# reads the columns that bench_trials.py wrote and prints one line of JSON, as its worker does.

args <- commandArgs(TRUE)
suppressPackageStartupMessages(library(args[1], character.only = TRUE))
layout <- readLines(sub("\\.bin$", ".json", args[3]))
field <- function(name) sub(sprintf('.*"%s": (\\[[^]]*\\]|[0-9]+).*', name), "\\1", paste(layout, collapse = ""))
columns <- strsplit(gsub('[]["[:space:]]', "", field("columns")), ",")[[1]]
n <- as.integer(field("n"))
file <- file(args[3], "rb")
df <- as.data.frame(setNames(lapply(columns, function(name) readBin(file, "double", n, endian = "little")),
                             columns))
close(file)
df$arm <- factor(df$arm)
df$site <- factor(df$site)
set.seed(1)
draws <- if (args[1] == "coin") approximate(nresample = 10000)
permuted <- function(formula) function() as.numeric(pvalue(oneway_test(formula, df, distribution = draws)))
tasks <- if (args[1] == "coin") list(
  permutations = permuted(mastery ~ arm),
  strata = permuted(mastery ~ arm | site),
  binary = permuted(work ~ arm)
) else {
  robust <- function() lm_robust(mastery ~ cluster_arm + age, df, clusters = cluster, se_type = "CR2")$std.error[["cluster_arm"]]
  list(cr2 = robust, cr2_large = robust)
}
call <- tasks[[args[2]]]
if (is.null(call)) stop("KeyError: no such task")
seconds <- numeric(0)
for (i in seq_len(as.integer(args[4]))) seconds <- c(seconds, system.time(value <- call())[["elapsed"]])
cat(sprintf('{"seconds": [%s], "value": %.15g, "grown": 0}\n',
            paste(sprintf("%.4f", seconds), collapse = ", "), value))
