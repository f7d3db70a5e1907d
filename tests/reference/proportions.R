# Reference values for one and two binomial proportions.
#
#   Rscript tests/reference/proportions.R
#
# reads proportions_one_cases.csv and proportions_two_cases.csv beside this script and writes
# proportions_one_expected.csv and proportions_two_expected.csv. The column `source` names the R
# function that gave the value. Where no R package at hand has the method, base R's uniroot
# inverts the definition, with the likelihood maximised numerically instead of by the cubic: such
# rows say "uniroot". Needs Epi (2.47) and epiR (2.0.57).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(Epi); library(epiR)})

root <- function(f, low, high) {
  if (low == high) return(low)
  uniroot(f, c(low, high), tol = .Machine$double.eps, maxiter = 10000)$root
}

record <- function(case, source, ...) {
  values <- list(...)
  cbind(case[rep(1, length(values)), ], source = source, quantity = names(values),
        value = sprintf("%.17g", unlist(values)), row.names = NULL)
}

one <- function(case) {
  x <- case$x; n <- case$n; p <- case$p; level <- case$level; tail <- (1 - level) / 2
  exact <- binom.test(x, n, p, conf.level = level)
  wilson <- suppressWarnings(prop.test(x, n, conf.level = level, correct = FALSE)$conf.int)
  at_most <- function(p) pbinom(x - 1, n, p) + dbinom(x, n, p) / 2
  at_least <- function(p) pbinom(x, n, p, lower.tail = FALSE) + dbinom(x, n, p) / 2
  rbind(
    record(case, "stats::binom.test",
           exact_low = exact$conf.int[1], exact_high = exact$conf.int[2],
           exact_two_sided = exact$p.value,
           exact_less = binom.test(x, n, p, "less")$p.value,
           exact_greater = binom.test(x, n, p, "greater")$p.value),
    record(case, "stats::prop.test", wilson_low = wilson[1], wilson_high = wilson[2]),
    record(case, "stats::uniroot of pbinom and dbinom",
           mid_p_low = if (x == 0) 0 else root(function(p) at_least(p) - tail, 0, x / n),
           mid_p_high = if (x == n) 1 else root(function(p) at_most(p) - tail, x / n, 1)),
    record(case, "stats::pbinom and dbinom",
           mid_p_two_sided = min(1, 2 * min(at_most(p), at_least(p))),
           mid_p_less = at_most(p), mid_p_greater = at_least(p)))
}

# z for p1 - p0 = delta, p0 by maximising the likelihood numerically.
score <- function(x1, n1, x0, n0, delta, factor) {
  gap <- x1 / n1 - x0 / n0 - delta
  if (abs(gap) < 1e-15) return(0)
  low <- max(0, -delta); high <- min(1, 1 - delta)
  part <- function(k, p) if (k == 0) 0 else k / p
  slope <- function(p0)
    part(x0, p0) - part(n0 - x0, 1 - p0) + part(x1, p0 + delta) - part(n1 - x1, 1 - p0 - delta)
  # A slope at the very ends may be infinite: look just inside.
  inside <- (high - low) * 1e-14
  p0 <- if (high - low < 1e-13) (low + high) / 2
        else if (slope(low + inside) <= 0) low
        else if (slope(high - inside) >= 0) high
        else root(slope, low + inside, high - inside)
  p1 <- p0 + delta
  v <- factor * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
  if (v <= 0) sign(gap) * 1e10 else gap / sqrt(v)
}

two <- function(case) {
  x1 <- case$x1; n1 <- case$n1; x0 <- case$x0; n0 <- case$n0; level <- case$level
  z <- qnorm((1 - level) / 2, lower.tail = FALSE)
  d <- x1 / n1 - x0 / n0
  nc <- ci.pd(x1, x0, n1 - x1, n0 - x0, method = "Nc", conf.level = level, print = FALSE)
  out <- record(case, "Epi::ci.pd", newcombe_low = nc[1, 6], newcombe_high = nc[1, 7])
  for (method in c("miettinen_nurminen", "mee")) {
    factor <- if (method == "mee") 1 else (n1 + n0) / (n1 + n0 - 1)
    f <- function(delta, shift) score(x1, n1, x0, n0, delta, factor) - shift
    values <- list(if (d == -1) -1 else root(function(t) f(t, z), -1, d),
                   if (d == 1) 1 else root(function(t) f(t, -z), d, 1))
    names(values) <- paste0(method, c("_low", "_high"))
    out <- rbind(out, do.call(record, c(list(case, "stats::uniroot of the score"), values)))
  }
  if (x1 + x0 > 0 && x1 + x0 < n1 + n0) {  # else prop.test has nothing to divide by
    test <- suppressWarnings(prop.test(c(x1, x0), c(n1, n0), correct = FALSE))
    out <- rbind(out, record(case, "stats::prop.test", mee_p = test$p.value,
                             mee_chi_squared = unname(test$statistic)))
  }
  table <- matrix(c(x1, n1 - x1, x0, n0 - x0), 2, byrow = TRUE)
  if (all(table > 0)) {  # epi.2by2 adds 0.5 to empty cells
    detail <- epi.2by2(as.table(table), method = "cohort.count", units = 1,
                       conf.level = level)$massoc.detail$ARisk.strata.score
    out <- rbind(out, record(case, "epiR::epi.2by2", mee_low = detail$lower,
                             mee_high = detail$upper))
  }
  out
}

for (kind in c("one", "two")) {
  cases <- read.csv(file.path(here, paste0("proportions_", kind, "_cases.csv")))
  rows <- lapply(seq_len(nrow(cases)), function(i) get(kind)(cases[i, ]))
  write.csv(do.call(rbind, rows), file.path(here, paste0("proportions_", kind, "_expected.csv")),
            row.names = FALSE, quote = FALSE)
}
