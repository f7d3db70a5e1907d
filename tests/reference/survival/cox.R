# Cox regression: coefficients, standard errors, tests, concordance, baseline, predictions, residuals.
#
#   Rscript tests/reference/survival/cox.R
#
# writes cox_lung.csv, cox_veteran.csv, cox_bladder2.csv, cox_heart.csv and cox_jasa.csv (data of
# the package survival), reads them, cox_rossi.csv (Rossi, Berk and Lenihan's recidivism data, as
# distributed with lifelines), cox_spells.csv and cox_separated.csv (drawn once; in the latter
# nobody in arm 1 has an event), and writes cox_expected.csv. Terms are numbered in the order of
# the coefficients, so that they do not depend on how they are called. "firth" maximises the
# penalised likelihood by optim, from likelihood and information of coxph; "profile" finds its
# limits by uniroot over fits with one coefficient held as an offset. Needs survival (3.5-3).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(survival))

export <- function(data, name) {
  write.csv(data, file.path(here, name), row.names = FALSE, quote = FALSE)
  read.csv(file.path(here, name))
}
lung <- export(survival::lung, "cox_lung.csv")
veteran <- export(survival::veteran, "cox_veteran.csv")
bladder2 <- export(survival::bladder2, "cox_bladder2.csv")
heart <- export(survival::heart, "cox_heart.csv")
jasa <- export(survival::jasa[, c("futime", "fustat", "age", "surgery", "transplant",
                                  "wait.time")], "cox_jasa.csv")
rossi <- read.csv(file.path(here, "cox_rossi.csv"))
spells <- read.csv(file.path(here, "cox_spells.csv"))
separated <- read.csv(file.path(here, "cox_separated.csv"))

rows <- list()
record <- function(case, quantity, value, term = seq_along(value), time = NA) {
  rows[[length(rows) + 1]] <<- data.frame(case = case, quantity = quantity, term = term,
                                          time = time, value = sprintf("%.17g", value))
}
control <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15)

coefficients <- function(case, fit) {
  record(case, "estimate", unname(coef(fit)))
  record(case, "std_error", sqrt(diag(fit$var)))
  record(case, "loglik", fit$loglik[2])
  record(case, "loglik_null", fit$loglik[1])
  record(case, "score", fit$score)
  record(case, "wald", fit$wald.test)
  if (!is.null(fit$rscore)) record(case, "robust_score", fit$rscore)
  record(case, "concordance", unname(fit$concordance["concordance"]))
  record(case, "concordance_std_error", unname(fit$concordance["std"]))
}

hazards <- function(case, fit, transform = "km") {
  record(case, paste0("zph_", transform), cox.zph(fit, transform)$table[, 1])
}

some <- c(1, 2, 3, 50, 117, 118, 119, 200)
residual <- function(case, fit) {
  for (kind in c("martingale", "deviance")) {
    record(case, kind, unname(residuals(fit, kind)[some]), term = some)
  }
  for (kind in c("score", "dfbeta")) {
    value <- residuals(fit, kind)
    for (j in seq_len(ncol(value))) record(case, paste0(kind, j), value[some, j], term = some)
  }
  # by time and, within it, summed over the tied events, so that their order does not matter
  for (kind in c("schoenfeld", "scaledsch")) {
    value <- residuals(fit, kind)
    total <- rowsum(value, as.numeric(rownames(value)))
    for (j in seq_len(ncol(value))) {
      record(case, paste0(kind, j), total[1:5, j], term = NA,
             time = as.numeric(rownames(total))[1:5])
    }
  }
}

# Newdata has one row for each curve; its strata are in it.
curves <- function(case, fit, newdata, times, kinds = c("log-log", "log", "plain")) {
  for (i in seq_len(nrow(newdata))) {
    for (kind in kinds) {
      found <- summary(survfit(fit, newdata[i, ], conf.type = kind), times)
      record(case, paste0("survival", i), found$surv, time = found$time, term = NA)
      record(case, paste0("survival_std_error", i), found$std.err, time = found$time, term = NA)
      record(case, paste0(kind, "_low", i), found$lower, time = found$time, term = NA)
      record(case, paste0(kind, "_high", i), found$upper, time = found$time, term = NA)
    }
  }
}

baseline <- function(case, fit, times) {
  hazard <- basehaz(fit, centered = FALSE)
  if (is.null(hazard$strata)) hazard$strata <- "all"
  for (s in unique(hazard$strata)) {
    mine <- hazard[hazard$strata == s, ]
    record(case, paste0("baseline:", s), stepfun(mine$time, c(0, mine$hazard))(times),
           time = times, term = NA)
  }
}

# The matrix: ties x entry x strata x weights x cluster.
new <- data.frame(x = c(0.5, -1), z = c(1, 0), g = c("b", "c"), region = c("South", "West"))
for (ties in c("efron", "breslow")) for (entry in 0:1) for (strata in 0:1) {
  for (weights in 0:1) for (cluster in 0:1) {
    left <- if (entry) "Surv(entry, days, ended)" else "Surv(days, ended)"
    right <- if (strata) "x + z + g + strata(region)" else "x + z + g"
    formula <- as.formula(paste(left, "~", right))
    spells$weight <- if (weights) spells$w else 1
    fit <- if (cluster) {
      coxph(formula, spells, weights = weight, cluster = office, ties = ties, control = control)
    } else {
      coxph(formula, spells, weights = weight, robust = FALSE, ties = ties, control = control)
    }
    case <- paste("matrix", ties, entry, strata, weights, cluster, sep = ":")
    coefficients(case, fit)
    hazards(case, fit)
    if (!cluster) residual(case, fit)
    kinds <- if (ties == "efron" && entry && strata) c("log-log", "log", "plain") else "log-log"
    curves(case, fit, new, c(5, 12, 20, 31), kinds)
    baseline(case, fit, c(5, 12, 20, 31))
  }
}
for (transform in c("rank", "identity", "log")) {
  fit <- coxph(Surv(entry, days, ended) ~ x + z + g + strata(region), spells, control = control)
  hazards("transforms", fit, transform)
}

# Offset, sampling weights, two ways of clustering (inclusion and exclusion).
coefficients("offset", coxph(Surv(days, ended) ~ x + z + offset(off), spells, control = control))
coefficients("sampling", coxph(Surv(days, ended) ~ x + z, spells, weights = w, robust = TRUE,
                               control = control))
spells$cell <- paste(spells$office, spells$person)
way <- function(by) {
  coxph(Surv(entry, days, ended) ~ x + z, spells, cluster = spells[[by]], control = control)$var
}
record("two ways", "std_error", sqrt(diag(way("office") + way("person") - way("cell"))))

# Published data.
small <- data.frame(time = c(9, 1, 1, 6, 6, 8), status = c(1, 1, 0, 1, 1, 0),
                    x = c(0, 1, 1, 1, 0, 0))
split <- data.frame(start = c(1, 2, 5, 2, 1, 7, 3, 4, 8, 8),
                    stop = c(2, 3, 6, 7, 8, 9, 9, 9, 14, 17),
                    event = c(1, 1, 1, 1, 1, 1, 1, 0, 0, 0), x = c(1, 0, 0, 1, 0, 1, 1, 1, 0, 0))
for (ties in c("efron", "breslow")) {
  coefficients(paste("test1", ties), coxph(Surv(time, status) ~ x, small, ties = ties,
                                           control = control))
  coefficients(paste("test2", ties), coxph(Surv(start, stop, event) ~ x, split, ties = ties,
                                           control = control))
}
fit <- coxph(Surv(time, status) ~ age + sex + ph.ecog, lung, control = control)
coefficients("lung", fit)
for (transform in c("km", "rank", "identity", "log")) hazards("lung", fit, transform)
fit <- coxph(Surv(time, status) ~ trt + celltype + karno + diagtime + age + prior, veteran,
             control = control)
coefficients("veteran", fit)
hazards("veteran", fit)
record("veteran", "zph_by_coefficient", cox.zph(fit, terms = FALSE)$table[, 1])
fit <- coxph(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, rossi,
             control = control)
coefficients("rossi", fit)
hazards("rossi", fit)
coefficients("bladder2 AG", coxph(Surv(start, stop, event) ~ rx + size + number, bladder2,
                                  cluster = id, control = control))
coefficients("bladder2 PWP total", coxph(
  Surv(start, stop, event) ~ rx + size + number + strata(enum), bladder2, cluster = id,
  control = control))
coefficients("bladder2 PWP gap", coxph(
  Surv(stop - start, event) ~ rx + size + number + strata(enum), bladder2, cluster = id,
  control = control))
coefficients("heart", coxph(Surv(start, stop, event) ~ transplant + age + surgery, heart,
                            control = control))
coefficients("jasa", coxph(Surv(futime, fustat) ~ transplant + age + surgery, jasa,
                           control = control))

# Profile likelihood, and Firth's penalty.
z2 <- qchisq(0.95, 1)
limits <- function(best, at, fallen) {
  side <- function(direction) {
    far <- at
    step <- direction
    while (fallen(far) < z2) { far <- far + step; step <- 1.5 * step }
    uniroot(function(b) fallen(b) - z2, sort(c(at, far)), tol = 1e-13)$root
  }
  c(side(-0.1), side(0.1))
}
fit <- coxph(Surv(days, ended) ~ x + z, spells, control = control)
for (j in 1:2) {
  held <- c("x", "z")[j]
  other <- c("x", "z")[3 - j]
  fallen <- function(b) {
    spells$held <- b * spells[[held]]
    spells$other <- spells[[other]]
    2 * (fit$loglik[2] - coxph(Surv(days, ended) ~ other + offset(held), spells,
                               control = control)$loglik[2])
  }
  record("profile", "limit", limits(fit$loglik[2], coef(fit)[[j]], fallen),
         term = c(paste0(j, "low"), paste0(j, "high")))
  record("profile", "ratio", fallen(0), term = j)
}
penalised <- function(data, ties, b) {
  at <- suppressWarnings(coxph(Surv(days, ended) ~ arm + age, data, init = b, ties = ties,
                               control = coxph.control(iter.max = 0)))
  at$loglik[2] - log(det(at$var)) / 2
}
for (ties in c("efron", "breslow")) {
  value <- function(b) penalised(separated, ties, b)
  found <- optim(c(-2, 0), function(b) -value(b), method = "BFGS",
                 control = list(reltol = 1e-16, maxit = 1000, parscale = c(1, 0.05)))
  record(paste("firth", ties), "estimate", found$par)
  record(paste("firth", ties), "loglik", -found$value)
  record(paste("firth", ties), "loglik_null", value(c(0, 0)))
  fallen <- function(b) {
    best <- optimize(function(age) value(c(b, age)), c(-0.5, 0.5), maximum = TRUE, tol = 1e-10)
    2 * (-found$value - best$objective)
  }
  record(paste("firth", ties), "limit", limits(-found$value, found$par[1], fallen),
         term = c("1low", "1high"))
}

write.csv(do.call(rbind, rows), file.path(here, "cox_expected.csv"), row.names = FALSE,
          quote = FALSE)
