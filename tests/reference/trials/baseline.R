# Baseline of two arms by base R alone: means, quartiles, standardised differences and tests.
#
#   Rscript tests/reference/trials/baseline.R
#
# reads baseline_people.csv (drawn once) and writes baseline_expected.csv. The distance of several levels is that of Yang and Dalton (2012), by solve() on the average
# covariance of the shares without the first level.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
people <- read.csv(file.path(here, "baseline_people.csv"), stringsAsFactors = FALSE, na.strings = "")
one <- people$arm == "A"
rows <- list()
add <- function(variable, quantity, value)
  rows[[length(rows) + 1]] <<- data.frame(variable, quantity, value = sprintf("%.17g", value))

for (name in c("age", "days")) {
  x <- people[[name]][one]
  y <- people[[name]][!one]
  add(name, "mean", mean(x, na.rm = TRUE))
  add(name, "sd", sd(x, na.rm = TRUE))
  q <- quantile(x, c(0.25, 0.5, 0.75), na.rm = TRUE, names = FALSE)
  add(name, "q1", q[1])
  add(name, "median", q[2])
  add(name, "q3", q[3])
  add(name, "n", sum(!is.na(x)))
  spread <- sqrt((var(x, na.rm = TRUE) + var(y, na.rm = TRUE)) / 2)
  add(name, "smd", (mean(x, na.rm = TRUE) - mean(y, na.rm = TRUE)) / spread)
  add(name, "p_value", t.test(x, y)$p.value)
}
for (name in c("sex", "education", "region")) {
  counts <- table(people$arm, people[[name]])
  p <- counts["A", ] / sum(counts["A", ])
  q <- counts["B", ] / sum(counts["B", ])
  d <- (p - q)[-1]
  covariance <- function(s) diag(s, length(s)) - outer(s, s)
  average <- (covariance(p[-1]) + covariance(q[-1])) / 2
  smd <- sqrt(drop(d %*% solve(average) %*% d))
  add(name, "smd", if (length(d) == 1) smd * sign(d) else smd)
  add(name, "p_value", chisq.test(counts, correct = FALSE)$p.value)
}
write.csv(do.call(rbind, rows), file.path(here, "baseline_expected.csv"), row.names = FALSE,
          quote = FALSE)
