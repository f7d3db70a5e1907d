# Inverse-probability-of-censoring weights.
#
#   Rscript tests/reference/survival/ipcw.R
#
# reads fine_gray_spells.csv (whole days, ties) and standardised_spells.csv (no ties), and writes
# ipcw_expected.csv: the probability of being uncensored just before each row's own time (horizon
# empty), or before the horizon if that is earlier. "km" and "km_by" are by prodlim with reversed
# roles, which lets events at a time leave before the censored; "cox" and "cox_strata" by
# riskRegression::predictCox of a Cox model of the censoring, taken just before. "entry" is worked
# out here: the product over censoring times of one minus censored over those at risk who had no
# event at that time, from each row's entry on. Needs survival, prodlim, riskRegression.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(prodlim); library(riskRegression)})

days <- read.csv(file.path(here, "fine_gray_spells.csv"))
spells <- read.csv(file.path(here, "standardised_spells.csv"), stringsAsFactors = TRUE)
rows <- list()
record <- function(case, horizon, id, value) {
  rows[[length(rows) + 1]] <<- data.frame(case = case, horizon = horizon, id = id,
                                          uncensored = sprintf("%.17g", value))
}
before <- function(fit, t) c(1, fit$surv)[1 + findInterval(t, fit$time, left.open = TRUE)]
until <- function(data, horizon) if (is.na(horizon)) data$days else pmin(data$days, horizon)

for (horizon in c(NA, 90)) {
  t <- until(days, horizon)
  fit <- prodlim(Hist(days, cause > 0) ~ 1, days, reverse = TRUE)
  record("km", horizon, days$id, before(fit, t))
  value <- numeric(nrow(days))
  for (g in unique(days$region)) {
    mine <- days$region == g
    fit <- prodlim(Hist(days, cause > 0) ~ 1, days[mine, ], reverse = TRUE)
    value[mine] <- before(fit, t[mine])
  }
  record("km_by", horizon, days$id, value)
  value <- sapply(seq_len(nrow(days)), function(i) {
    at <- sort(unique(days$days[days$cause == 0]))
    at <- at[at > days$entry[i] & at < t[i]]
    prod(vapply(at, function(c) {
      seen <- days$entry < c & (days$days > c | (days$days == c & days$cause == 0))
      1 - sum(days$days == c & days$cause == 0) / sum(seen)
    }, 1))
  })
  record("entry", horizon, days$id, value)
  t <- until(spells, horizon)
  control <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-15)
  for (case in c("cox", "cox_strata")) {
    f <- if (case == "cox") Surv(days, cause == 0) ~ arm + age + sex
         else Surv(days, cause == 0) ~ age + strata(site)
    fit <- coxph(f, spells, x = TRUE, y = TRUE, control = control)
    value <- predictCox(fit, newdata = spells, times = t * (1 - 1e-9), type = "survival",
                        diag = TRUE)$survival
    record(case, horizon, spells$id, as.vector(value))
  }
}
write.csv(do.call(rbind, rows), file.path(here, "ipcw_expected.csv"), row.names = FALSE,
          quote = FALSE)
