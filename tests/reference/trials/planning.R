# Power of t tests and of tests of two proportions, p-values adjusted for their number, and the
# probabilities that boundaries of several looks are crossed: base R and mvtnorm.
library(mvtnorm)

write_exact <- function(x, name) {
  numeric <- vapply(x, is.numeric, TRUE)
  x[numeric] <- lapply(x[numeric], function(v) sprintf("%.17g", v))
  write.csv(x, name, row.names = FALSE, quote = FALSE)
}

rows <- list()
for (n in c(10, 27, 54, 150)) for (d in c(0.2, 0.5, 0.9)) for (level in c(0.95, 0.9)) {
  p <- power.t.test(n = n, delta = d, sd = 1.3, sig.level = 1 - level, strict = TRUE)$power
  rows[[length(rows) + 1]] <- data.frame(measure = "difference", n = n, control = NA, effect = d,
                                         level = level, power = p)
}
for (n in c(20, 54, 173, 400)) for (p0 in c(0.1, 0.44)) for (d in c(0.05, 0.15, 0.3)) {
  p <- power.prop.test(n = n, p1 = p0, p2 = p0 + d, strict = TRUE)$power
  rows[[length(rows) + 1]] <- data.frame(measure = "risk_difference", n = n, control = p0,
                                         effect = d, level = 0.95, power = p)
}
write_exact(do.call(rbind, rows), "planning_power_expected.csv")

set.seed(7)
p <- round(c(runif(6, 0, 0.06), runif(4)), 5)
methods <- c(holm = "holm", hochberg = "hochberg", bonferroni = "bonferroni", bh = "BH", by = "BY")
adjusted <- data.frame(p_value = p)
for (name in names(methods)) adjusted[[name]] <- p.adjust(p, methods[[name]])
write_exact(adjusted, "planning_adjusted_expected.csv")

# Probability of first crossing the upper boundary at look k, by multivariate normal integrals.
first <- function(information, upper, lower, drift) {
  k <- length(information)
  correlation <- sqrt(outer(information, information, pmin) / outer(information, information, pmax))
  mean <- drift * sqrt(information)
  vapply(seq_len(k), function(j) {
    lo <- c(lower[seq_len(j - 1)], upper[j])
    hi <- c(upper[seq_len(j - 1)], Inf)
    if (j == 1) return(pnorm(upper[1] - mean[1], lower.tail = FALSE))
    as.numeric(pmvnorm(lo, hi, mean[seq_len(j)], correlation[seq_len(j), seq_len(j)],
                       algorithm = Miwa(steps = 512)))
  }, 0)
}
cases <- list(
  list(c(0.5, 1), c(2.9, 1.97), 2), list(c(0.3, 0.7, 1), c(2.4, 2.4, 2.4), 2),
  list(c(0.2, 0.5, 0.8, 1), c(4, 3, 2.4, 2.1), 1)
)
rows <- list()
for (i in seq_along(cases)) for (drift in c(0, 1.5, 3)) {
  case <- cases[[i]]
  lower <- if (case[[3]] == 2) -case[[2]] else rep(-Inf, length(case[[2]]))
  up <- first(case[[1]], case[[2]], lower, drift)
  rows[[length(rows) + 1]] <- data.frame(
    case = i, sides = case[[3]], drift = drift, look = seq_along(up), information = case[[1]],
    boundary = case[[2]], upper = up
  )
}
write_exact(do.call(rbind, rows), "planning_looks_expected.csv")
