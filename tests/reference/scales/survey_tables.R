# Reference values for survey tables: shares, intervals, weights, finite populations, cut points.
#
#   Rscript tests/reference/scales/survey_tables.R
#
# writes survey_tables_answers.csv (answers 1-5, 9 beside the scale; a ten-point item; ticks; a
# weight) and survey_tables_expected.csv. The column `source` says what gave the value. Intervals
# of shares: stats::prop.test. With a finite population the limits are the roots of
# (p - x)^2 = z^2 p (1 - p) / n * (N - n) / (N - 1), found by stats::uniroot. With weights the
# variance and the correlation are those of survey::svymean, whose factor n / (n - 1) is taken out.
# The balance combines the limits of two shares and their correlation (Zou and Donner 2008).
# Needs the package survey.

suppressPackageStartupMessages(library(survey))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
set.seed(20171231)
n <- 97
pick <- function(p) sample(c(1:5, 9, NA), n, replace = TRUE, prob = p)
answers <- data.frame(
  q1 = pick(c(.08, .12, .2, .3, .2, .06, .04)), q2 = pick(c(.3, .25, .2, .1, 0, .1, .05)),
  ten = sample(c(1:10, NA), n, replace = TRUE), a = rbinom(n, 1, .47), b = rbinom(n, 1, .4),
  c = rbinom(n, 1, .03), group = sample(c("Nord", "Syd"), n, replace = TRUE, prob = c(.15, .85)),
  w = round(rlnorm(n, 0, .6), 3), case = sample(0:3, n, replace = TRUE)
)
write.csv(answers, file.path(here, "survey_tables_answers.csv"), row.names = FALSE, na = "")

rows <- list()
record <- function(table, base, category, source, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(table, base, category, source, quantity,
    value = sprintf("%.17g", as.numeric(value)))
}
wilson <- function(x, n, level = .95) {
  suppressWarnings(prop.test(x, n, conf.level = level, correct = FALSE))$conf.int
}
finite <- function(x, n, N, level = .95) {
  p <- x / n; z <- qnorm(1 - (1 - level) / 2)
  f <- function(q) (p - q)^2 - z^2 * q * (1 - q) / n * (N - n) / (N - 1)
  root <- function(lo, hi) uniroot(f, c(lo, hi), tol = 1e-15)$root
  c(if (x == 0) 0 else root(0, min(p, 1 - 1e-9)), if (x == n) 1 else root(max(p, 1e-9), 1))
}
mover <- function(p, q, lp, lq, r) {
  c(p - q - sqrt((p - lp[1])^2 + (lq[2] - q)^2 - 2 * r * (p - lp[1]) * (lq[2] - q)),
    p - q + sqrt((lp[2] - p)^2 + (q - lq[1])^2 - 2 * r * (lp[2] - p) * (q - lq[1])))
}
put <- function(table, base, category, source, estimate, limits) {
  record(table, base, category, source, "estimate", estimate)
  record(table, base, category, source, "low", limits[1])
  record(table, base, category, source, "high", limits[2])
}
N <- 120
for (item in c("q1", "q2")) for (base in c("decided", "all")) {
  y <- answers[[item]]; w <- answers$w
  keep <- !is.na(y) & (base == "all" | y != 9)
  y <- y[keep]; w <- w[keep]; m <- length(y)
  everybody <- sum(!is.na(answers[[item]]))
  kish <- sum(w)^2 / sum(w^2)
  sets <- c(setNames(as.list(1:5), 1:5), list(negative = 1:2, positive = 4:5))
  if (base == "all") sets <- c(sets, list("9" = 9))
  limits <- list(plain = list(), weighted = list())
  for (set in names(sets)) {
    hit <- y %in% sets[[set]]; x <- sum(hit)
    limits$plain[[set]] <- wilson(x, m)
    put(item, base, set, "stats::prop.test", x / m, limits$plain[[set]])
    put(paste0(item, "_90"), base, set, "stats::prop.test", x / m, wilson(x, m, .9))
    put(paste0(item, "_finite"), base, set, "stats::uniroot", x / m,
        finite(x, m, N * m / everybody))
    design <- svydesign(ids = ~1, weights = ~w, data = data.frame(hit = as.numeric(hit), w))
    fit <- svymean(~hit, design)
    p <- as.numeric(coef(fit)); v <- as.numeric(vcov(fit)) * (m - 1) / m
    effective <- if (v > 0) min(p * (1 - p) / v, kish) else kish
    limits$weighted[[set]] <- wilson(p * effective, effective)
    put(paste0(item, "_weighted"), base, set, "survey::svymean", p, limits$weighted[[set]])
  }
  up <- y %in% 4:5; down <- y %in% 1:2
  p <- mean(up); q <- mean(down)
  put(item, base, "net", "stats::cor", p - q,
      mover(p, q, limits$plain$positive, limits$plain$negative, cor(up, down)))
  both <- data.frame(up = as.numeric(up), down = as.numeric(down), w)
  design <- svydesign(ids = ~1, weights = ~w, data = both)
  fit <- svymean(~up + down, design)
  put(paste0(item, "_weighted"), base, "net", "survey::svymean", coef(fit)[1] - coef(fit)[2],
      mover(coef(fit)[1], coef(fit)[2], limits$weighted$positive, limits$weighted$negative,
            cov2cor(vcov(fit))[1, 2]))
}
for (cuts in list(c(0, 4, 7, 10), c(0, 3, 7, 10))) {
  k <- cut(answers$ten, cuts, labels = c("low", "middle", "high"))
  for (name in levels(k)) {
    x <- sum(k == name, na.rm = TRUE); m <- sum(!is.na(k))
    put(paste0("ten_", cuts[2]), "decided", name, "base::cut + stats::prop.test", x / m,
        wilson(x, m))
  }
}
ticks <- answers[c("a", "b", "c")]
for (name in names(ticks)) {
  put("ticks", "respondents", name, "stats::prop.test", mean(ticks[[name]]),
      wilson(sum(ticks[[name]]), n))
  record("ticks", "answers", name, "base::sum", "estimate", sum(ticks[[name]]) / sum(ticks))
}
for (name in names(ticks)) {  # case weights repeat the rows
  repeated <- rep(ticks[[name]], answers$case)
  put("ticks_case", "respondents", name, "stats::prop.test", mean(repeated),
      wilson(sum(repeated), length(repeated)))
}
write.csv(do.call(rbind, rows), file.path(here, "survey_tables_expected.csv"), row.names = FALSE,
          quote = FALSE)
