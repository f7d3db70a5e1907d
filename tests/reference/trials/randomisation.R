# Exact randomisation tests of small trials: coin, multtest, sandwich, and lists made with combn.
#
# Reads randomisation_trials.csv; writes randomisation_expected.csv (p-values),
# randomisation_adjusted_expected.csv (Westfall-Young) and randomisation_shifts_expected.csv
# (p-values of shifts, from which the confidence sets follow).

library(coin)
library(multtest)
library(sandwich)

trials <- read.csv("randomisation_trials.csv")
outcomes <- c("mastery", "stress", "sickdays", "work")
digits <- function(x) format(x, digits = 17, trim = TRUE)
rows <- list()
keep <- function(trial, outcome, statistic, estimate, p) {
  rows[[length(rows) + 1]] <<- data.frame(trial = trial, outcome = outcome, statistic = statistic,
                                          estimate = digits(estimate), p_value = digits(p))
}
# Every assignment of a trial as a column of TRUE and FALSE, unit by unit.
all_of <- function(arm, stratum) {
  parts <- lapply(split(seq_along(arm), stratum), function(i) {
    chosen <- combn(i, sum(arm[i] == "ReDO"))
    apply(chosen, 2, function(k) seq_along(arm) %in% k)
  })
  grid <- expand.grid(lapply(parts, function(p) seq_len(ncol(p))))
  apply(grid, 1, function(k) Reduce(`|`, Map(function(p, j) p[, j], parts, k)))
}
share <- function(t, seen) mean(abs(t) >= abs(seen) * (1 - 1e-9) - 1e-12)
difference <- function(y, z) mean(y[z]) - mean(y[!z])
welch <- function(y, z) difference(y, z) / sqrt(var(y[z]) / sum(z) + var(y[!z]) / sum(!z))

# 1. coin's exact distribution, and its blocks.
persons <- trials[trials$trial == "persons", ]
persons$arm <- factor(persons$arm, c("ReDO", "CAU"))
for (name in outcomes) {
  test <- oneway_test(reformulate("arm", name), persons, distribution = "exact")
  keep("persons", name, "coin", difference(persons[[name]], persons$arm == "ReDO"), pvalue(test))
}
strata <- trials[trials$trial == "strata", ]
strata$arm <- factor(strata$arm, c("ReDO", "CAU"))
strata$stratum <- factor(strata$stratum)
listed <- all_of(strata$arm, strata$stratum)
within <- function(y, z, stratum) {
  mean(vapply(split(seq_along(y), stratum), function(i) difference(y[i], z[i]), 0))
}
for (name in outcomes) {
  y <- strata[[name]]
  seen <- within(y, strata$arm == "ReDO", strata$stratum)
  keep("strata", name, "listed", seen,
       share(apply(listed, 2, function(z) within(y, z, strata$stratum)), seen))
}
for (name in c("stress", "sickdays", "work")) {
  test <- oneway_test(as.formula(paste(name, "~ arm | stratum")), strata, distribution = "exact")
  keep("strata", name, "coin", NA, pvalue(test))
}

# 2. Covariates: the coefficient of a regression, by itself and over its HC0 standard error.
coefficient <- function(y, z, x, cluster = NULL, over = FALSE) {
  fit <- lm(y ~ z + x)
  value <- coef(fit)[["zTRUE"]]
  if (!over) return(value)
  v <- if (is.null(cluster)) vcovHC(fit, type = "HC0") else
    vcovCL(fit, cluster = cluster, type = "HC0", cadjust = FALSE)
  value / sqrt(v["zTRUE", "zTRUE"])
}
listed <- all_of(persons$arm, persons$stratum)
z <- persons$arm == "ReDO"
for (name in outcomes[1:3]) {
  y <- persons[[name]]
  for (over in c(FALSE, TRUE)) {
    seen <- coefficient(y, z, persons$age, over = over)
    keep("persons", name, if (over) "adjusted-studentised" else "adjusted",
         coefficient(y, z, persons$age),
         share(apply(listed, 2, function(k) coefficient(y, k, persons$age, over = over)), seen))
  }
}

# 3. Clusters: the difference in means of persons, and adjusted.
clusters <- trials[trials$trial == "clusters", ]
whole <- unique(clusters[c("cluster", "arm", "stratum")])
spread <- all_of(whole$arm, whole$stratum)[match(clusters$cluster, whole$cluster), ]
z <- clusters$arm == "ReDO"
for (name in outcomes) {
  y <- clusters[[name]]
  keep("clusters", name, "listed", difference(y, z),
       share(apply(spread, 2, function(k) difference(y, k)), difference(y, z)))
}
for (over in c(FALSE, TRUE)) {
  y <- clusters$mastery
  seen <- coefficient(y, z, clusters$age, clusters$cluster, over)
  keep("clusters", "mastery", if (over) "adjusted-studentised" else "adjusted",
       coefficient(y, z, clusters$age),
       share(apply(spread, 2, function(k) coefficient(y, k, clusters$age, clusters$cluster, over)), seen))
}
write.csv(do.call(rbind, rows), "randomisation_expected.csv", row.names = FALSE, quote = FALSE)

# 4. Westfall and Young's step-down on Welch's t, over all assignments (B = 0).
numbers <- outcomes[1:3]  # work is the same for all of an arm in one assignment, without a t
scores <- t(as.matrix(persons[numbers]))
done <- mt.maxT(scores, as.integer(persons$arm == "ReDO"), test = "t", side = "abs", B = 0)
done <- done[order(done$index), ]
write.csv(data.frame(outcome = numbers, statistic = digits(done$teststat),
                     p_value = digits(done$rawp), p_adjusted = digits(done$adjp)),
          "randomisation_adjusted_expected.csv", row.names = FALSE, quote = FALSE)

# 5. P-values of shifts that are the same for everybody.
shifts <- seq(-15, 15, by = 0.5) + 0.01
pieces <- list()
z <- persons$arm == "ReDO"
for (name in outcomes[1:3]) for (kind in c("difference", "studentised")) {
  of <- if (kind == "difference") difference else welch
  p <- vapply(shifts, function(shift) {
    y <- persons[[name]] - shift * z
    share(apply(listed, 2, function(k) of(y, k)), of(y, z))
  }, 0)
  pieces[[length(pieces) + 1]] <- data.frame(outcome = name, statistic = kind,
                                             shift = digits(shifts), p_value = digits(p))
}
write.csv(do.call(rbind, pieces), "randomisation_shifts_expected.csv", row.names = FALSE, quote = FALSE)
