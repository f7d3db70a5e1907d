# Time one task with R's survival, in a process of its own.
#
#   Rscript benchmarks/worker.R TASK DATA REPEATS
#
# reads the columns that beside.py wrote and prints one line of JSON, as worker.py does.

suppressPackageStartupMessages(library(survival))
args <- commandArgs(TRUE)
task <- args[1]
layout <- readLines(sub("\\.bin$", ".json", args[2]))
field <- function(name) sub(sprintf('.*"%s": (\\[[^]]*\\]|[0-9]+).*', name), "\\1", paste(layout, collapse = ""))
columns <- strsplit(gsub('[]["[:space:]]', "", field("columns")), ",")[[1]]
n <- as.integer(field("n"))
file <- file(args[2], "rb")
df <- as.data.frame(setNames(lapply(columns, function(name) readBin(file, "double", n, endian = "little")),
                             columns))
close(file)
covariates <- grep("^x", columns, value = TRUE)
right <- reformulate(covariates)
df$cause <- factor(df$cause)
model <- update(right, Surv(days, ended) ~ .)
at <- function(fit, values) values[findInterval(365, fit$time)]
call <- switch(task,
  km = function() { fit <- survfit(Surv(days, ended) ~ 1, df, conf.type = "log-log"); at(fit, fit$surv) },
  logrank = function() survdiff(Surv(days, ended) ~ group, df)$chisq,
  aj = function() { fit <- survfit(Surv(days, cause) ~ 1, df); at(fit, fit$pstate[, 2]) },
  cox = function() unname(coef(coxph(model, df))[1]),
  cox_cluster = function() unname(coef(coxph(model, df, cluster = cluster))[1]))
seconds <- numeric(0)
for (i in seq_len(as.integer(args[3]))) seconds <- c(seconds, system.time(value <- call())[["elapsed"]])
cat(sprintf('{"seconds": [%s], "value": %.15g, "grown": 0}\n',
            paste(sprintf("%.4f", seconds), collapse = ", "), value))
