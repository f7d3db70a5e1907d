# Standardised survival, incidence and restricted means; cause-specific predictions.
#
#   Rscript tests/reference/survival/standardised.R
#
# reads standardised_spells.csv (times without ties, drawn once) and fine_gray_spells.csv (whole
# days, delayed entry), and writes standardised_expected.csv. "ate" rows are by riskRegression::ate
# and riskRegression::predict; "states" rows are coefficients of a model of several states
# (Breslow's ties) or of one model for each cause (Efron's), "survfit" rows predictions of the
# former. "jackknife" rows are worked out here: predictions from survfit of each cause, put together
# by the matrix exponential of each step, and for their standard errors the squared central
# differences of everything (coefficients, baseline hazard, average over covariates) with respect
# to each person's case weight. Needs survival (3.5-3), riskRegression (2022.11.28).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(riskRegression); library(prodlim)})

rows <- list()
record <- function(case, term, contrast, cause, time, estimate, std_error = NA) {
  rows[[length(rows) + 1]] <<- data.frame(
    case = case, term = term, contrast = contrast, cause = cause, time = time,
    estimate = sprintf("%.17g", estimate), std_error = sprintf("%.17g", std_error))
}
control <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-15)
spells <- read.csv(file.path(here, "standardised_spells.csv"), stringsAsFactors = TRUE)
spells$arm <- relevel(spells$arm, "usual")
spells$event <- as.numeric(spells$cause > 0)
times <- c(50, 120)

ate_case <- function(case, model, causes) {
  for (cause in causes) {
    result <- suppressWarnings(ate(model, data = spells, treatment = "arm", times = times,
                                   cause = if (is.na(cause)) 1 else cause, se = TRUE,
                                   product.limit = FALSE, verbose = FALSE))
    means <- result$meanRisk
    for (i in seq_len(nrow(means)))
      record(case, "risk", as.character(means$treatment[i]), cause, means$time[i],
             means$estimate[i], means$se[i])
    apart <- result$diffRisk
    for (i in seq_len(nrow(apart)))
      record(case, "risk_difference", paste(apart$B[i], "-", apart$A[i]), cause, apart$time[i],
             apart$estimate[i], apart$se[i])
  }
}
ate_case("ate_cox", coxph(Surv(days, event) ~ arm + age + sex, spells, x = TRUE, y = TRUE,
                          ties = "breslow", control = control), NA)
ate_case("ate_strata", coxph(Surv(days, event) ~ arm + age + strata(site), spells, x = TRUE,
                             y = TRUE, ties = "breslow", control = control), NA)
ate_case("ate_interaction", coxph(Surv(days, event) ~ arm * age + sex, spells, x = TRUE, y = TRUE,
                                  ties = "breslow", control = control), NA)
causes <- CSC(Hist(days, cause) ~ arm + age + sex, spells, control = control, ties = "breslow")
ate_case("ate_causes", causes, 1:2)

who <- data.frame(arm = factor(c("usual", "new"), levels(spells$arm)), age = c(40, 55),
                  sex = c(0, 1), site = factor(c("N", "S")))
for (cause in 1:2) {
  p <- predict(causes, who, times = times, cause = cause, se = TRUE, product.limit = FALSE)
  for (i in 1:2) for (j in 1:2)
    record("predict_causes", "incidence", i - 1, cause, times[j], p$absRisk[i, j],
           p$absRisk.se[i, j])
}

days <- read.csv(file.path(here, "fine_gray_spells.csv"))
days$state <- factor(days$cause, 0:3)
fit <- coxph(Surv(entry, days, state) ~ x + z, days, id = id, ties = "breslow", control = control)
for (k in seq_along(coef(fit)))
  record("states_breslow", "coefficient", c("x", "z")[(k - 1) %% 2 + 1], (k - 1) %/% 2 + 1, NA,
         coef(fit)[[k]], sqrt(diag(fit$naive.var))[k])
for (k in 1:3) {
  fit <- coxph(Surv(entry, days, cause == k) ~ x + z, days, control = control)
  for (name in c("x", "z"))
    record("states_efron", "coefficient", name, k, NA, coef(fit)[[name]],
           sqrt(diag(fit$var))[match(name, names(coef(fit)))])
}
fit <- coxph(Surv(days, state) ~ x + z, days, id = id, ties = "breslow", control = control)
curve <- survfit(fit, newdata = data.frame(x = c(0, 1), z = c(1, 0)))
for (t in c(30, 90)) for (i in 1:2) for (cause in 1:3)
  record("survfit", "incidence", i - 1, cause, t,
         curve$pstate[max(which(curve$time <= t)), i, cause + 1])

# Everything by hand, for any function of the data and the weights.
steps <- function(fits, newdata, strata) {
  parts <- lapply(fits, function(fit) {
    curve <- survfit(fit, newdata = newdata, se.fit = FALSE)
    list(time = curve$time, hazard = as.matrix(apply(rbind(0, as.matrix(curve$cumhaz)), 2, diff)))
  })
  h <- lapply(parts, function(part) part$hazard)
  total <- Reduce(`+`, h)
  S <- apply(total, 2, function(x) exp(-cumsum(x)))
  before <- rbind(1, S[-nrow(S), , drop = FALSE])
  share <- ifelse(total > 0, (1 - exp(-total)) / total, 1)
  F <- lapply(h, function(x) apply(before * share * x, 2, cumsum))
  list(time = parts[[1]]$time, curves = c(list(S), F))
}
read_at <- function(time, curve, t, start) {
  k <- sum(time <= t)
  if (k == 0) rep(start, ncol(curve)) else curve[k, ]
}
area <- function(time, curve, tau, start) {
  inside <- time < tau
  edges <- c(0, time[inside], tau)
  as.vector(diff(edges) %*% rbind(start, curve[inside, , drop = FALSE]))
}
functionals <- function(data, weights, formulas, arm, values, taus, by = NULL, over) {
  data$v <- weights
  fits <- lapply(formulas, function(f) coxph(f, data, weights = v, ties = "efron", model = TRUE, x = TRUE, y = TRUE,
                                             control = control))
  unlist(lapply(values, function(value) {
    new <- data
    new[[arm]][] <- value
    groups <- if (is.null(by)) rep(1, nrow(data)) else as.integer(factor(data[[by]]))
    sums <- 0
    for (g in unique(groups)) {
      mine <- groups == g
      part <- if (is.null(by)) fits else lapply(seq_along(fits), function(k)
        coxph_of(fits[[k]], formulas[[k]], data[mine, ]))
      s <- steps(part, new[mine, ], by)
      w <- (weights * over)[mine]
      each <- c(lapply(seq_along(s$curves), function(k) sapply(times_of, function(t)
                  sum(w * read_at(s$time, s$curves[[k]], t, k == 1)))),
                lapply(seq_along(s$curves), function(k) sapply(taus, function(t)
                  sum(w * area(s$time, s$curves[[k]], t, k == 1)))))
      sums <- sums + unlist(each)
    }
    sums / sum(weights * over)
  }))
}
# The same coefficients with the baseline of one stratum.
coxph_of <- function(fit, formula, data) {
  plain <- update(formula, . ~ . - strata(region))
  coxph(plain, data, weights = v, init = coef(fit), ties = "efron", model = TRUE, x = TRUE, y = TRUE,
        control = coxph.control(iter.max = 0))
}
jackknife <- function(case, data, formulas, arm, values, times, taus, by = NULL, over = NULL) {
  over <- if (is.null(over)) rep(1, nrow(data)) else over
  times_of <<- times
  n <- nrow(data)
  f <- function(v) suppressWarnings(functionals(data, v, formulas, arm, values, taus, by, over))
  estimate <- f(rep(1, n))
  step <- 1e-4
  change <- sapply(seq_len(n), function(i) {
    up <- down <- rep(1, n); up[i] <- 1 + step; down[i] <- 1 - step
    (f(up) - f(down)) / (2 * step)
  })
  n_causes <- length(formulas)
  terms <- c("survival", rep("cumulative_incidence", n_causes))
  areas <- c("rmst", rep("time_lost", n_causes))
  cause <- c(0, seq_len(n_causes))
  labels <- rbind(expand.grid(time = times, k = seq_along(terms), area = FALSE),
                  expand.grid(time = taus, k = seq_along(areas), area = TRUE))
  m <- nrow(labels)
  for (a in seq_along(values)) for (j in seq_len(m)) {
    row <- (a - 1) * m + j
    name <- if (labels$area[j]) areas[labels$k[j]] else terms[labels$k[j]]
    record(case, name, as.character(values[a]), cause[labels$k[j]], labels$time[j],
           estimate[row], sqrt(sum(change[row, ]^2)))
    if (a == 2)
      record(case, paste0(name, "_difference"), paste(values[2], "-", values[1]),
             cause[labels$k[j]], labels$time[j], estimate[row] - estimate[j],
             sqrt(sum((change[row, ] - change[j, ])^2)))
  }
}
small <- days[1:90, ]
small$any <- as.numeric(small$cause > 0)
jackknife("jackknife_cox", small, list(Surv(days, any) ~ z + x), "z", 0:1, c(30, 80), c(45, 80))
jackknife("jackknife_entry", small, list(Surv(entry, days, any) ~ z * x), "z", 0:1, c(30, 80), 80)
jackknife("jackknife_strata", small, list(Surv(days, any) ~ z + x + strata(region)), "z", 0:1,
          c(30, 60), 60, by = "region")
jackknife("jackknife_treated", small, list(Surv(days, any) ~ z + x), "z", 0:1, c(30, 80), 80,
          over = small$z == 1)
jackknife("jackknife_causes", small,
          list(Surv(entry, days, cause == 1) ~ z + x, Surv(entry, days, cause == 2) ~ z + x,
               Surv(entry, days, cause == 3) ~ z + x), "z", 0:1, c(30, 80), c(45, 80))

write.csv(do.call(rbind, rows), file.path(here, "standardised_expected.csv"), row.names = FALSE,
          quote = FALSE)
