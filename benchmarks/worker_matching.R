# Matching by R, for bench_matching.py:
#
#   Rscript worker_matching.R <task> <data> <repeats>
#
# reads the columns that bench_matching.py wrote and prints one line of JSON, as its worker does.

args <- commandArgs(TRUE)
suppressPackageStartupMessages(library(MatchIt))
layout <- paste(readLines(sub("\\.bin$", ".json", args[2])), collapse = "")
field <- function(name) sub(sprintf('.*"%s": (\\[[^]]*\\]|[0-9]+).*', name), "\\1", layout)
columns <- strsplit(gsub('[]["[:space:]]', "", field("columns")), ",")[[1]]
n <- as.integer(field("n"))
file <- file(args[2], "rb")
df <- as.data.frame(setNames(lapply(columns, function(name) readBin(file, "double", n, endian = "little")),
                             columns))
close(file)
form <- took ~ age + days + income + woman
tasks <- list(
  nearest = function() matchit(form, df, method = "nearest"),
  exact = function() matchit(form, df, method = "nearest", caliper = 0.2, exact = ~ woman + region),
  mahalanobis = function() matchit(form, df, method = "nearest", distance = "mahalanobis", exact = ~ region)
)
call <- tasks[[args[1]]]
if (is.null(call)) stop("KeyError: no such task")
seconds <- numeric(0)
for (i in seq_len(as.integer(args[3])))
  seconds <- c(seconds, system.time(fit <- suppressWarnings(call()))[["elapsed"]])
cat(sprintf('{"seconds": [%s], "value": %d, "grown": 0}\n',
            paste(sprintf("%.4f", seconds), collapse = ", "), sum(!is.na(fit$match.matrix[, 1]))))
