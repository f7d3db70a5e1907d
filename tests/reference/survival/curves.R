# Reference values for survival curves, cumulative hazards, quantiles, restricted means, shares by
# length and life tables.
#
#   Rscript tests/reference/survival/curves.R
#
# reads curves_cases.csv, curves_lung.csv (survival::lung with status 0/1) and curves_spells.csv
# (made-up spells) beside this script and writes curves_expected.csv, curves_read_expected.csv and
# curves_life_table_expected.csv. The data "late" are the spells with start < time, at risk on
# (start, time]. Needs survival (3.5-3) and KMsurv (0.1-5).
#
# Where a number is no function's own output it is built from one: the robust variance of a
# restricted mean or of a share from influence.surv of survfit.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(KMsurv)})
options(digits = 17)

read <- function(name) read.csv(file.path(here, name), na.strings = "")
save <- function(rows, name) {
  numeric <- vapply(rows, is.double, TRUE)
  rows[numeric] <- lapply(rows[numeric], function(x) sprintf("%.15g", x))
  write.csv(rows, file.path(here, name), row.names = FALSE, quote = FALSE)
}

cases <- read("curves_cases.csv")
lung <- read("curves_lung.csv")
lung$event <- lung$status
spells <- read("curves_spells.csv")
data <- list(lung = lung, spells = spells, late = spells[spells$start < spells$time, ])

fit_of <- function(case, d, ...) {
  d$weight <- if (is.na(case$weights)) 1 else d[[case$weights]]
  d$unit <- if (is.na(case$cluster)) seq_len(nrow(d)) else d[[case$cluster]]
  outcome <- if (is.na(case$entry)) Surv(d$time, d$event) else Surv(d$start, d$time, d$event)
  type <- if (case$ci == "arcsine") "arcsin" else case$ci
  if (case$kind == "sampling" || !is.na(case$cluster))
    survfit(outcome ~ 1, d, weights = weight, cluster = unit, robust = TRUE, conf.type = type,
            conf.int = case$level, influence = TRUE, timefix = FALSE, ...)
  else
    survfit(outcome ~ 1, d, weights = weight, robust = FALSE, conf.type = type,
            conf.int = case$level, timefix = FALSE, ...)
}

robust <- function(fit) !is.null(fit$influence.surv)

curve <- function(case, group, fit) {
  s <- summary(fit, censored = TRUE)
  data.frame(case = case$case, group = group, time = s$time, at_risk = s$n.risk,
             events = s$n.event, censored = s$n.censor, survival = s$surv,
             std_error = s$std.err, conf_low = s$lower, conf_high = s$upper,
             cumulative_hazard = s$cumhaz, hazard_std_error = s$std.chaz)
}

row <- function(case, group, what, x, estimate, std_error = NA, low = NA, high = NA)
  data.frame(case = case$case, group = group, what = what, x = x, estimate = estimate,
             std_error = std_error, conf_low = low, conf_high = high)

restricted_mean <- function(case, group, fit, tau) {
  table <- summary(fit, rmean = tau)$table
  se <- table[["se(rmean)"]]
  if (robust(fit)) {
    inside <- fit$time <= tau
    width <- diff(c(fit$time[inside], tau))
    se <- sqrt(sum((fit$influence.surv[, inside, drop = FALSE] %*% width)^2))
  }
  row(case, group, "rmst", tau, table[["rmean"]], se)
}

# The share of [low, high) is S(low - 1) - S(high - 1) for durations in whole days.
share <- function(case, group, fit, low, high) {
  at <- function(day) if (day < min(fit$time)) 0 else max(which(fit$time <= day))
  s <- function(k) if (k == 0) 1 else fit$surv[k]
  u <- function(k) if (k == 0) 0 * fit$influence.surv[, 1] else fit$influence.surv[, k]
  first <- at(low - 1)
  last <- if (is.finite(high)) at(high - 1) else NA
  gone <- u(first) - (if (is.na(last)) 0 else u(last))
  row(case, group, "share", low, s(first) - (if (is.na(last)) 0 else s(last)), sqrt(sum(gone^2)))
}

readings <- function(case, group, d) {
  fit <- fit_of(case, d)
  out <- NULL
  for (q in c(0.1, 0.25, 0.5, 0.75)) {
    found <- quantile(fit, q)
    out <- rbind(out, row(case, group, "quantile", q, found$quantile, NA, found$lower, found$upper))
  }
  for (tau in c(60, 180.5)) out <- rbind(out, restricted_mean(case, group, fit, tau))
  at <- summary(fit, times = c(60, 180.5))
  out <- rbind(out, row(case, group, "survival", at$time, at$surv, at$std.err, at$lower, at$upper))
  out <- rbind(out, row(case, group, "at_risk", at$time, at$n.risk))
  out <- rbind(out, row(case, group, "events", at$time, at$n.event))
  # Without weights and entry the robust variance is Greenwood's: its influences give both.
  if (robust(fit) || (is.na(case$weights) && is.na(case$entry))) {
    by_row <- case
    if (!robust(fit)) by_row$kind <- "sampling"
    full <- fit_of(by_row, d)
    classes <- c(0, 40, 90, 150, Inf)
    for (i in 1:4) out <- rbind(out, share(case, group, full, classes[i], classes[i + 1]))
  }
  later <- summary(fit_of(case, d, start.time = 44.5), times = c(60, 180.5))
  rbind(out, row(case, group, "conditional", later$time, later$surv, later$std.err,
                 later$lower, later$upper))
}

by_group <- function(case, f) {
  d <- data[[case$data]]
  if (is.na(case$by)) return(f(case, "all", d))
  do.call(rbind, lapply(split(d, d[[case$by]]), function(part) f(case, part[[case$by]][1], part)))
}

each <- function(f)
  do.call(rbind, lapply(seq_len(nrow(cases)), function(i) by_group(cases[i, ], f)))

save(each(function(case, group, d) curve(case, group, fit_of(case, d))), "curves_expected.csv")
save(each(readings), "curves_read_expected.csv")

tables <- do.call(rbind, lapply(c("lung", "spells"), function(name) {
  d <- data[[name]]
  limits <- c(0, 90, 180, 365, NA)
  class <- findInterval(d$time, limits[1:4])
  found <- lifetab(limits, nrow(d), as.numeric(tabulate(class[d$event == 0], 4)),
                   as.numeric(tabulate(class[d$event == 1], 4)))
  cbind(data = name, start = limits[1:4], found[, c("nsubs", "nrisk", "nevent", "nlost", "surv",
        "hazard", "se.surv", "se.hazard")])
}))
save(tables, "curves_life_table_expected.csv")
