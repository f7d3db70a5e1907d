# Standardisation by riket's cells: estimates, exact tests and intervals.
#
#   Rscript tests/reference/matching/riket_cells.R
#
# reads riket_cells.csv (cells of six cases: successes x of n participants; riket's rate among N)
# and writes riket_cells_expected.csv: estimates by epitools::ageadjust.indirect and
# ageadjust.direct; the exact test of the sum, from the convolved binomial distributions (dbinom);
# binom.test and poisson.test of the sum where there is one cell. Needs epitools (0.5-10.1).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(epitools))
cells <- read.csv(file.path(here, "riket_cells.csv"))
out <- list()
add <- function(case, quantity, value)
  out[[length(out) + 1]] <<- data.frame(case = case, quantity = quantity,
    value = sprintf("%.17g", as.numeric(value)))

for (case in unique(cells$case)) {
  d <- cells[cells$case == case, ]
  if (nrow(d) > 1) {  # with one cell epitools 0.5-10.1 gives an expected number of 0
    indirect <- ageadjust.indirect(d$x, d$n, d$rate * d$N, d$N)$sir
    for (name in c("observed", "exp", "sir")) add(case, name, indirect[[name]])
  }
  direct <- ageadjust.direct(d$x, d$n, stdpop = d$N)
  add(case, "adj.rate", direct[["adj.rate"]])
  add(case, "reference_rate", sum(d$rate * d$N) / sum(d$N))
  p <- 1
  for (j in seq_len(nrow(d))) {
    own <- dbinom(0:d$n[j], d$n[j], d$rate[j])
    both <- numeric(length(p) + length(own) - 1)
    for (k in seq_along(own)) {
      at <- k - 1 + seq_along(p)
      both[at] <- both[at] + own[k] * p
    }
    p <- both
  }
  x <- sum(d$x)
  add(case, "exact_p", sum(p[p <= p[x + 1] * (1 + 1e-7)]))
  ci <- poisson.test(x)$conf.int
  add(case, "poisson_low", ci[1]); add(case, "poisson_high", ci[2])
  ci <- binom.test(x, sum(d$n))$conf.int
  add(case, "binomial_low", ci[1] * sum(d$n)); add(case, "binomial_high", ci[2] * sum(d$n))
  if (nrow(d) == 1) add(case, "binom.test", binom.test(x, d$n, d$rate)$p.value)
  # The score test of direct standardisation: the variance of riket's shares.
  a <- d$N / sum(d$N)
  z <- (sum(a * d$x / d$n) - sum(a * d$rate)) / sqrt(sum(a^2 * d$rate * (1 - d$rate) / d$n))
  add(case, "direct_p", 2 * pnorm(-abs(z)))
}
write.csv(do.call(rbind, out), file.path(here, "riket_cells_expected.csv"), row.names = FALSE,
          quote = TRUE)
