# Reference values for stratified two-by-two tables.
#
#   Rscript tests/reference/trials/strata.R
#
# reads strata_tables.csv beside this script and writes strata_expected.csv. The limits of the
# stratified score interval are found by stats::uniroot, with the constrained proportions of each
# stratum found by uniroot from the likelihood equation. Needs metafor (3.8-1).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(metafor))
root <- function(f, low, high) uniroot(f, c(low, high), tol = .Machine$double.eps,
                                       maxiter = 10000)$root
part <- function(k, p) if (k == 0) 0 else k / p

spread <- function(x1, n1, x0, n0, delta) {
  low <- max(0, -delta); high <- min(1, 1 - delta)
  slope <- function(p) part(x0, p) - part(n0 - x0, 1 - p) + part(x1, p + delta) -
    part(n1 - x1, 1 - p - delta)
  inside <- (high - low) * 1e-14
  p0 <- if (high - low < 1e-13) (low + high) / 2
        else if (slope(low + inside) <= 0) low
        else if (slope(high - inside) >= 0) high
        else root(slope, low + inside, high - inside)
  p1 <- p0 + delta
  (n1 + n0) / (n1 + n0 - 1) * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
}

rows <- list()
record <- function(case, source, ...) {
  values <- list(...)
  rows[[length(rows) + 1]] <<- data.frame(case = case, source = source, quantity = names(values),
                                          value = sprintf("%.17g", unlist(values)))
}
tables <- read.csv(file.path(here, "strata_tables.csv"))
for (case in unique(tables$case)) {
  t <- tables[tables$case == case, ]
  for (measure in c("RD", "RR", "OR")) {
    fit <- rma.mh(measure = measure, ai = t$x1, n1i = t$n1, ci = t$x0, n2i = t$n0,
                  add = 0, to = "none", drop00 = FALSE, correct = FALSE)
    record(case, "metafor::rma.mh", estimate = c(fit$beta), std_error = fit$se, p_value = fit$pval,
           conf_low = fit$ci.lb, conf_high = fit$ci.ub)
    n <- length(rows); rows[[n]]$quantity <- paste0(measure, "_", rows[[n]]$quantity)
  }
  record(case, "metafor::rma.mh", tarone = fit$TA, tarone_p = fit$TAp)
  w <- t$n1 * t$n0 / (t$n1 + t$n0)
  within <- t$x1 * (t$n1 - t$x1) / t$n1^3 + t$x0 * (t$n0 - t$x0) / t$n0^3
  record(case, "the formula", greenland_robins_difference = sqrt(sum(w^2 * within)) / sum(w))
  array3 <- array(rbind(t$x1, t$x0, t$n1 - t$x1, t$n0 - t$x0), c(2, 2, nrow(t)))
  for (correct in c(FALSE, TRUE)) {
    test <- mantelhaen.test(array3, correct = correct)
    record(case, "stats::mantelhaen.test", test = unname(test$statistic), test_p = test$p.value)
    n <- length(rows)
    if (correct) rows[[n]]$quantity <- paste0("corrected_", rows[[n]]$quantity)
  }
  d <- sum(w * (t$x1 / t$n1 - t$x0 / t$n0)) / sum(w)
  z <- function(delta) {
    v <- mapply(spread, t$x1, t$n1, t$x0, t$n0, delta)
    gap <- (d - delta) * sum(w)
    if (gap == 0) 0 else gap / sqrt(max(sum(w^2 * v), 1e-300))
  }
  q <- qnorm(0.975)
  record(case, "stats::uniroot of the score", score_low = root(function(e) z(e) - q, -1, d),
         score_high = root(function(e) z(e) + q, d, 1))
}
write.csv(do.call(rbind, rows), file.path(here, "strata_expected.csv"), row.names = FALSE,
          quote = FALSE)
