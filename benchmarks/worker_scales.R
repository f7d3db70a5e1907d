# Time one task with psych, in a process of its own.
#
#   Rscript benchmarks/worker_scales.R psych TASK DATA REPEATS
#
# reads the answers that bench_scales.py wrote (one byte each, 0 is a missing one) and prints one
# line of JSON, as its worker does.

args <- commandArgs(TRUE)
suppressPackageStartupMessages(library(psych))
layout <- paste(readLines(sub("\\.bin$", ".json", args[3])), collapse = "")
field <- function(name) sub(sprintf('.*"%s": (\\[[^]]*\\]|[0-9]+).*', name), "\\1", layout)
columns <- strsplit(gsub('[]["[:space:]]', "", field("columns")), ",")[[1]]
n <- as.integer(field("n"))
file <- file(args[3], "rb")
df <- as.data.frame(setNames(lapply(columns, function(name) {
  codes <- as.numeric(readBin(file, "integer", n, size = 1))
  codes[codes == 0] <- NA
  codes
}), columns))
close(file)
set.seed(1)

# RAND-36: the codes of every question lie at equal steps from 0 to 100, half of them turned around
highest <- rep(5, 36)
highest[3:12] <- 3
highest[13:19] <- 2
highest[c(21, 23:31)] <- 6
turned <- c(1, 2, 20, 22, 34, 36, 21, 23, 26, 27, 30)
subscales <- list(
  physical_functioning = 3:12, role_physical = 13:16, role_emotional = 17:19,
  energy = c(23, 27, 29, 31), well_being = c(24, 25, 26, 28, 30), social = c(20, 32),
  pain = c(21, 22), general_health = c(1, 33:36)
)
tasks <- list(
  score = function() {
    points <- as.data.frame(Map(function(x, top, item) {
      share <- (x - 1) / (top - 1)
      100 * if (item %in% turned) 1 - share else share
    }, df, highest, 1:36))
    keys <- lapply(subscales, function(items) names(df)[items])
    names(points) <- names(df)
    scores <- scoreItems(keys, points, impute = "none", missing = TRUE, min = 0, max = 100)$scores
    mean(scores[, "energy"], na.rm = TRUE)
  },
  alpha = function() alpha(df, check.keys = FALSE, warnings = FALSE)$total$raw_alpha,
  bootstrap = function() alpha(df, check.keys = FALSE, n.iter = 1000, warnings = FALSE)$total$raw_alpha,
  icc = function() ICC(df, lmer = FALSE)$results$ICC[2]
)
call <- tasks[[args[2]]]
if (is.null(call)) stop("KeyError: no such task")
seconds <- numeric(0)
for (i in seq_len(as.integer(args[4]))) {
  seconds <- c(seconds, system.time(invisible(capture.output(value <- suppressWarnings(call()))))[["elapsed"]])
}
cat(sprintf('{"seconds": [%s], "value": %.15g, "grown": 0}\n',
            paste(sprintf("%.4f", seconds), collapse = ", "), value))
