# Pseudo-values and regressions on them.
#
#   Rscript tests/reference/survival/pseudo.R
#
# reads incidence_mgus2.csv and incidence_spells.csv (which incidence.R writes), and writes
# pseudo_values_expected.csv (survival::pseudo, every seventh row) and
# pseudo_regression_expected.csv (geepack::geese on them: independence, scale fixed at 1, horizons
# as a factor). Needs survival (3.5-3) and geepack (1.3.9).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(geepack)})

mgus2 <- read.csv(file.path(here, "incidence_mgus2.csv"))
mgus2$x <- mgus2$age
mgus2$cluster <- mgus2$id %% 60
mgus2$weight <- 0.5 + (mgus2$id %% 7) / 5
spells <- read.csv(file.path(here, "incidence_spells.csv"))
sets <- list(mgus2 = mgus2, ties = spells[spells$set == "ties", ])
horizons <- list(mgus2 = c(60, 120, 240), ties = c(5, 12, 18))

values_of <- function(d, measure, times, late = FALSE) {
  cause <- factor(d$cause, sort(unique(c(0, d$cause))))
  if (measure %in% c("survival", "rmst")) {
    d$outcome <- if (late) Surv(d$entry, d$time, d$cause > 0) else Surv(d$time, d$cause > 0)
    type <- if (measure == "rmst") "rmst" else "pstate"
  } else {
    d$outcome <- if (late) Surv(d$entry, d$time, cause) else Surv(d$time, cause)
    type <- if (measure == "days_lost") "sojourn" else "pstate"
  }
  d$row <- seq_len(nrow(d))
  current <<- d  # pseudo() looks the data up by name
  fit <- survfit(outcome ~ 1, current, id = row)
  found <- pseudo(fit, times = times, type = type)
  if (measure %in% c("survival", "rmst")) matrix(found, nrow(d)) else
    matrix(found, ncol = length(fit$states))[, 2] |> matrix(nrow(d))
}

values <- list(); fits <- list()
for (name in names(sets)) for (measure in c("survival", "cumulative_incidence", "rmst",
                                            "days_lost")) for (late in c(FALSE, TRUE)) {
  if (late && name == "mgus2") next
  d <- sets[[name]]
  times <- horizons[[name]]
  y <- values_of(d, measure, times, late)
  keep <- seq(1, nrow(d), 7)
  for (k in seq_along(times))
    values[[length(values) + 1]] <- data.frame(data = name, measure = measure,
      late = as.integer(late), time = times[k], row = keep - 1,
      value = sprintf("%.17g", y[keep, k]))
}

fit <- function(name, measure, link, times, weighted = FALSE, cluster = FALSE) {
  d <- sets[[name]]
  y <- values_of(d, measure, times)
  if (measure == "survival" && link == "cloglog") y <- 1 - y  # geese's link is log(-log(1 - y))
  n <- nrow(d); m <- length(times)
  long <- data.frame(unit = rep(if (cluster) d$cluster else seq_len(n), each = m),
                     w = rep(if (weighted) d$weight else rep(1, n), each = m),
                     at = factor(rep(seq_len(m), n)), y = as.vector(t(y)),
                     x = rep(d$x, each = m), group = rep(d$group, each = m))
  long <- long[order(long$unit), ]
  formula <- if (m > 1) y ~ 0 + at + x + group else y ~ x + group
  p <- m + length(unique(d$group))
  level <- mean(y)
  start <- switch(link, log = log(level), logit = qlogis(level), cloglog = log(-log(1 - level)))
  found <- geese(formula, id = unit, data = long, weights = w, mean.link = link,
                 scale.fix = TRUE, corstr = "independence",
                 b = if (link != "identity") c(rep(start, m), rep(0, p - m)),
                 control = geese.control(epsilon = 1e-13, maxit = 1000))
  fits[[length(fits) + 1]] <<- data.frame(data = name, measure = measure, link = link,
    times = paste(times, collapse = " "), weighted = as.integer(weighted),
    cluster = as.integer(cluster), term = seq_along(found$beta),
    estimate = sprintf("%.17g", found$beta),
    std_error = sprintf("%.17g", sqrt(diag(found$vbeta))))
}

for (name in names(sets)) {
  times <- horizons[[name]]
  for (link in c("identity", "log", "logit", "cloglog")) {
    fit(name, "survival", link, times)
    fit(name, "cumulative_incidence", link, times)
  }
  for (measure in c("rmst", "days_lost")) for (link in c("identity", "log"))
    fit(name, measure, link, times[2])
  fit(name, "cumulative_incidence", "identity", times[3])
  fit(name, "cumulative_incidence", "identity", times, weighted = TRUE)
  fit(name, "cumulative_incidence", "cloglog", times, cluster = TRUE)
  fit(name, "rmst", "identity", times[3], weighted = TRUE, cluster = TRUE)
}

write.csv(do.call(rbind, values), file.path(here, "pseudo_values_expected.csv"),
          row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, fits), file.path(here, "pseudo_regression_expected.csv"),
          row.names = FALSE, quote = FALSE)
