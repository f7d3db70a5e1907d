# Cumulative incidence of competing causes, time lost to them, and state occupation.
#
#   Rscript tests/reference/survival/incidence.R
#
# writes the inputs incidence_mgus2.csv (survival::mgus2: time to plasma cell malignancy, 1, or
# death without it, 2), incidence_spells.csv (drawn here: "ties" on whole days, "fine" without
# ties; cause 0 is censored) and incidence_stays.csv (drawn here: stays in states a and b until
# death; "late" has late entry and all begin in a, "mixed" begins in either), reads them, and
# writes incidence_expected.csv. The column source names the function that gave the value:
#   survfit     survival::survfit of a multi-state model, and its infinitesimal jackknife
#   residuals   survival::residuals.survfit, summed by cluster, squared and summed (survfit itself
#               leaves clusters out of the standard errors of a multi-state model)
#   cuminc      cmprsk::cuminc
#   etmCIF      etm::etmCIF
#   km          survival::survfit of a plain event, one minus the survival
#   derivative  survfit with the weight of each person moved by 1e-4, difference quotients squared
#               and summed: where persons begin in different states, survfit's own standard error
#               takes the shares at the beginning as known
# Needs survival (3.5-3), cmprsk (2.2-11) and etm (1.1.1).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(cmprsk); library(etm)})

export <- function(data, name) {
  write.csv(data, file.path(here, name), row.names = FALSE, quote = FALSE)
  read.csv(file.path(here, name))
}
mgus2 <- with(survival::mgus2, data.frame(
  id = id, time = ifelse(pstat == 0, futime, ptime), cause = ifelse(pstat == 0, 2 * death, 1),
  group = as.character(sex), age = age))
mgus2 <- export(mgus2, "incidence_mgus2.csv")

set.seed(20111)
draw <- function(set, n, days) {
  time <- if (days) sample(1:24, n, TRUE) else round(rexp(n, 0.03) + 0.2, 3)
  entry <- if (days) pmax(0, time - sample(1:20, n, TRUE)) else round(time * runif(n) * 0.5, 3)
  data.frame(set = set, id = seq_len(n), entry = entry, time = time,
             cause = sample(0:3, n, TRUE, c(0.35, 0.3, 0.25, 0.1)),
             group = sample(c("a", "b", "c"), n, TRUE), stratum = sample(1:2, n, TRUE),
             copies = sample(1:3, n, TRUE), weight = round(runif(n, 0.4, 2.5), 2),
             cluster = sample(1:25, n, TRUE), x = round(rnorm(n), 2))
}
spells <- export(rbind(draw("ties", 180, TRUE), draw("fine", 120, FALSE)), "incidence_spells.csv")

stays <- NULL
for (i in 1:150) {
  set <- if (i <= 75) "late" else "mixed"
  state <- if (set == "mixed" && i %% 3 == 0) 2 else 1
  entry <- if (set == "late" && i %% 4 == 0) sample(1:5, 1) else 0
  end <- entry + sample(3:30, 1)
  repeat {
    time <- entry + sample(1:8, 1)
    if (time >= end) {
      stays <- rbind(stays, data.frame(set = set, id = i, entry = entry, time = end,
                                       state = c("a", "b")[state], to = "0"))
      break
    }
    to <- sample(setdiff(1:3, state), 1)
    stays <- rbind(stays, data.frame(set = set, id = i, entry = entry, time = time,
                                     state = c("a", "b")[state], to = c("a", "b", "dead")[to]))
    if (to == 3) break
    state <- to; entry <- time
  }
}
stays <- export(stays, "incidence_stays.csv")

rows <- list()
record <- function(data, case, group, source, quantity, cause, time, value)
  rows[[length(rows) + 1]] <<- data.frame(data = data, case = case, group = group,
    source = source, quantity = quantity, cause = cause, time = time,
    value = sprintf("%.17g", value))

outcome <- function(d, late) {
  cause <- factor(d$cause, sort(unique(c(0, d$cause))))
  if (late) Surv(d$entry, d$time, cause) else Surv(d$time, cause)
}

curve <- function(data, case, group, d, times, late = FALSE, weights = NULL, cluster = NULL,
                  limits = FALSE) {
  d$outcome <- outcome(d, late)
  d$w <- if (is.null(weights)) rep(1, nrow(d)) else d[[weights]]
  d$unit <- if (is.null(cluster)) seq_len(nrow(d)) else d[[cluster]]
  d$row <- seq_len(nrow(d))
  current <<- d  # residuals() looks the data up by name
  fit <- survfit(outcome ~ 1, current, weights = w, id = row, cluster = unit)
  at <- summary(fit, times = times)
  sojourn <- residuals(fit, times = times, type = "sojourn", weighted = TRUE)
  pstate <- residuals(fit, times = times, type = "pstate", weighted = TRUE)
  states <- as.integer(fit$states[-1])
  for (k in seq_along(times)) {
    mean_times <- summary(fit, rmean = times[k])$table[, "rmean"]
    for (j in seq_along(states)) {
      spread <- if (is.null(cluster)) at$std.err[k, j + 1]
                else sqrt(sum(tapply(pstate[, k, j + 1], d$unit, sum)^2))
      record(data, case, group, c("survfit", if (is.null(cluster)) "survfit" else "residuals"),
             c("estimate", "std_error"), states[j], times[k], c(at$pstate[k, j + 1], spread))
    }
    for (j in seq_along(fit$states)) {
      parts <- tapply(sojourn[, k, j], d$unit, sum)
      record(data, case, group, c("survfit", "residuals"), c("time_lost", "time_lost_se"),
             c(0, states)[j], times[k], c(mean_times[j], sqrt(sum(parts^2))))
    }
  }
  if (limits) for (type in c("log", "plain", "arcsin")) {
    fit <- survfit(outcome ~ 1, d, conf.type = type, conf.int = 0.9)
    low <- matrix(fit$lower, length(fit$time))  # "arcsin" comes without its dimensions
    high <- matrix(fit$upper, length(fit$time))
    for (t in times) for (j in seq_along(states))
      record(data, case, group, "survfit", paste0(c("low_", "high_"), type), states[j], t,
             c(low[findInterval(t, fit$time), j + 1], high[findInterval(t, fit$time), j + 1]))
  }
}

km <- function(data, d, times) {
  at <- summary(survfit(Surv(time, cause > 0) ~ 1, d, conf.type = "log-log"), times = times)
  record(data, "km", "", "km", "estimate", 1, times, 1 - at$surv)
  record(data, "km", "", "km", "std_error", 1, times, at$std.err)
  record(data, "km", "", "km", "low_log-log", 1, times, 1 - at$upper)
  record(data, "km", "", "km", "high_log-log", 1, times, 1 - at$lower)
}

aalen <- function(data, d, times) {
  found <- timepoints(cuminc(d$time, d$cause), times)
  for (name in rownames(found$est)) {
    j <- as.integer(sub("^1 ", "", name))
    record(data, "aalen", "", "cuminc", "estimate", j, times, found$est[name, ])
    record(data, "aalen", "", "cuminc", "variance", j, times, found$var[name, ])
  }
}

greenwood <- function(data, d, times) {
  fit <- etmCIF(Surv(entry, time, cause != 0) ~ 1, d, etype = cause, failcode = 1)[[1]]
  for (j in sort(setdiff(unique(d$cause), 0))) {
    cell <- paste("0", j)
    k <- findInterval(times, fit$time)
    record(data, "greenwood", "", "etmCIF", "estimate", j, times, fit$est["0", as.character(j), k])
    record(data, "greenwood", "", "etmCIF", "variance", j, times, fit$cov[cell, cell, k])
  }
}

curve("mgus2", "plain", "", mgus2, c(60, 120, 240), limits = TRUE)
for (g in c("F", "M"))
  curve("mgus2", "by", g, mgus2[mgus2$group == g, ], c(60, 240))
km("mgus2", mgus2, c(60, 120, 240))
aalen("mgus2", mgus2, c(60, 120, 240))

points <- list(ties = c(3, 8, 15, 22), fine = c(5, 20, 60))
for (set in names(points)) {
  d <- spells[spells$set == set, ]
  times <- points[[set]]
  curve(set, "plain", "", d, times, limits = TRUE)
  for (g in unique(d$group)) curve(set, "by", g, d[d$group == g, ], times[2:3])
  curve(set, "late", "", d, times, late = TRUE)
  curve(set, "sampling", "", d, times, weights = "weight")
  curve(set, "late sampling", "", d, times, late = TRUE, weights = "weight")
  curve(set, "cluster", "", d, times, cluster = "cluster")
  curve(set, "late sampling cluster", "", d, times, late = TRUE, weights = "weight",
        cluster = "cluster")
  copies <- d[rep(seq_len(nrow(d)), d$copies), ]
  curve(set, "case", "", copies, times)
  curve(set, "late case", "", copies, times, late = TRUE)
  km(set, d, times)
  aalen(set, d, times)
  greenwood(set, d, times)
}

times <- c(3, 10, 20)
for (set in unique(stays$set)) {
  d <- stays[stays$set == set, ]
  d$outcome <- Surv(d$entry, d$time, factor(d$to, c("0", "a", "b", "dead")))
  d$from <- factor(d$state, c("a", "b"))
  fit_at <- function(w) {
    d$w <- w
    summary(survfit(outcome ~ 1, d, id = id, istate = from, weights = w, se.fit = FALSE),
            times = times)$pstate
  }
  at <- summary(survfit(outcome ~ 1, d, id = id, istate = from), times = times)
  squares <- 0
  for (i in unique(d$id)) {
    step <- 1e-4 * (d$id == i)
    squares <- squares + ((fit_at(1 + step) - fit_at(1 - step)) / 2e-4)^2
  }
  states <- c("a", "b", "dead")
  for (j in 1:3) {
    record("stays", set, "", "survfit", "estimate", states[j], times, at$pstate[, j])
    record("stays", set, "", "derivative", "std_error", states[j], times, sqrt(squares[, j]))
    if (set == "late")
      record("stays", set, "", "survfit", "std_error", states[j], times, at$std.err[, j])
  }
}

write.csv(do.call(rbind, rows), file.path(here, "incidence_expected.csv"), row.names = FALSE,
          quote = FALSE)
