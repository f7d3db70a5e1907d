# Fine-Gray regression: coefficients, robust and crr standard errors, predicted incidence.
#
#   Rscript tests/reference/survival/fine_gray.R
#
# writes fine_gray_mgus2.csv (the data mgus2 of the package survival), reads it,
# fine_gray_spells.csv (one row a person, delayed entry, drawn once) and fine_gray_rows.csv (the
# same people with covariates that change), and writes fine_gray_expected.csv. "survival" is
# finegray and coxph with the person as cluster, "cmprsk" is crr. jackknife_se is the square root of
# the sum of squared derivatives of the predicted incidence with respect to the persons' case
# weights, by central differences of refitted models. Needs survival (3.5-3), cmprsk (2.2-11).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(cmprsk)})

rows <- list()
record <- function(case, quantity, term, value, time = NA) {
  rows[[length(rows) + 1]] <<- data.frame(case = case, quantity = quantity, term = term,
                                          time = time, value = sprintf("%.17g", value))
}
control <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-15)

data <- transform(mgus2, days = ifelse(pstat == 0, futime, ptime),
                  cause = ifelse(pstat == 0, 2 * death, 1))
data <- data[, c("id", "days", "cause", "age", "sex")]
write.csv(data, file.path(here, "fine_gray_mgus2.csv"), row.names = FALSE, quote = FALSE)
mgus <- read.csv(file.path(here, "fine_gray_mgus2.csv"))
spells <- read.csv(file.path(here, "fine_gray_spells.csv"))
split <- read.csv(file.path(here, "fine_gray_rows.csv"))

weighted <- function(data, cause, entry, by, weights) {
  data$state <- factor(data$cause, sort(unique(data$cause)))
  left <- if (entry) "Surv(entry, days, state)" else "Surv(days, state)"
  right <- if (is.null(by)) "." else paste0(". + strata(", by, ")")
  long <- finegray(as.formula(paste(left, "~", right)), data = data, id = id,
                   etype = as.character(cause))
  who <- match(long$id, data$id)
  if (!is.null(by)) long[[by]] <- data[[by]][who]
  # finegray(..., weights) of 3.5-3 takes weights from wrong rows where there are strata.
  if (!is.null(weights)) long$fgwt <- long$fgwt * data[[weights]][who]
  long
}

survival_case <- function(case, formula, data, cause, entry = FALSE, by = NULL, weights = NULL,
                          cluster = "id", ties = "efron", newdata = NULL, times = NULL) {
  long <- weighted(data, cause, entry, by, weights)
  long$group <- long[[cluster]]
  whole <- as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", formula))
  fit <- coxph(whole, long, weights = fgwt, cluster = group, ties = ties, control = control)
  for (term in names(coef(fit))) {
    record(case, "estimate", term, coef(fit)[[term]])
    record(case, "std_error", term, sqrt(diag(fit$var))[match(term, names(coef(fit)))])
  }
  record(case, "loglik_null", "", fit$loglik[1])
  record(case, "loglik", "", fit$loglik[2])
  if (!is.null(newdata)) for (i in seq_len(nrow(newdata))) {
    curve <- summary(survfit(fit, newdata = newdata[i, , drop = FALSE]), times = times)
    for (j in seq_along(times)) record(case, "incidence", i - 1, 1 - curve$surv[j], times[j])
  }
}

crr_case <- function(case, data, columns, cause, group = NULL, newdata = NULL, times = NULL) {
  x <- as.matrix(data[columns])
  group <- if (is.null(group)) rep(1, nrow(data)) else data[[group]]
  fit <- crr(data$days, data$cause, x, failcode = cause, cengroup = group, gtol = 1e-12,
             maxiter = 100)
  for (i in seq_along(columns)) {
    record(case, "estimate", columns[i], fit$coef[[i]])
    record(case, "std_error", columns[i], sqrt(diag(fit$var))[i])
  }
  record(case, "loglik_null", "", fit$loglik.null)
  record(case, "loglik", "", fit$loglik)
  if (!is.null(newdata)) {
    curve <- predict(fit, as.matrix(newdata))
    for (i in seq_len(nrow(newdata))) for (t in times)
      record(case, "incidence", i - 1, max(0, curve[curve[, 1] <= t, i + 1]), t)
  }
}

people <- data.frame(age = c(70, 60), sex = c("M", "F"))
survival_case("mgus2", "age + sex", mgus, 1, newdata = people, times = c(60, 120, 240))
survival_case("mgus2_death", "age + sex", mgus, 2, newdata = people, times = c(60, 120, 240))
survival_case("mgus2_breslow", "age + sex", mgus, 1, ties = "breslow")
mgus$male <- as.numeric(mgus$sex == "M")
crr_case("crr_mgus2", mgus, c("age", "male"), 1, newdata = data.frame(c(70, 60), c(1, 0)),
         times = c(60, 120, 240))
crr_case("crr_mgus2_death", mgus, c("age", "male"), 2)

who <- data.frame(x = c(0, 1), z = c(1, 0))
for (cause in 1:3) {
  survival_case(paste0("spells_", cause), "x + z", spells, cause, newdata = who, times = c(30, 90))
  survival_case(paste0("entry_", cause), "x + z + region", spells, cause, entry = TRUE)
  crr_case(paste0("crr_", cause), spells, c("x", "z"), cause, newdata = who, times = c(30, 90))
  crr_case(paste0("crr_group_", cause), spells, c("x", "z"), cause, group = "region")
}
survival_case("weights", "x + z", spells, 1, weights = "w", newdata = who, times = c(30, 90))
survival_case("cluster", "x + z", spells, 1, cluster = "office")
survival_case("entry_weights", "x + z", spells, 1, entry = TRUE, weights = "w", newdata = who,
              times = c(30, 90))
survival_case("entry_weights_cluster", "x + z", spells, 2, entry = TRUE, weights = "w",
              cluster = "office")
survival_case("entry_breslow", "x + z", spells, 1, entry = TRUE, ties = "breslow")
survival_case("strata", "x + z + strata(region)", spells, 1, by = NULL)
survival_case("strata_censoring_by", "x + z + strata(region)", spells, 1, by = "region")
survival_case("everything", "x + z + strata(region)", spells, 1, entry = TRUE, by = "region",
              weights = "w", cluster = "office", newdata = data.frame(who, region = c("A", "C")),
              times = c(30, 90))
survival_case("rows", "x + z", split, 1, entry = TRUE)
survival_case("rows_2", "x + z", split, 2, entry = TRUE)

# Without ties between censorings and events, and with Breslow's ties, the two conventions agree.
apart <- transform(spells, days = days + ifelse(cause == 0, 0.5, 0))
survival_case("apart", "x + z", apart, 1, ties = "breslow")
crr_case("crr_apart", apart, c("x", "z"), 1)

# The infinitesimal jackknife of the predicted incidence, the weights G taken as known.
jackknife <- function(case, data, entry, times) {
  long <- weighted(data, 1, entry, NULL, NULL)
  predicted <- function(id, step) {
    long$v <- long$fgwt * ifelse(long$id == id, 1 + step, 1)
    fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x + z, long, weights = v, control = control)
    sapply(1:2, function(i) 1 - summary(survfit(fit, newdata = who[i, ], se.fit = FALSE),
                                        times = times)$surv)
  }
  step <- 1e-3
  change <- sapply(unique(data$id), function(id)
    (predicted(id, step) - predicted(id, -step)) / (2 * step))
  se <- matrix(sqrt(rowSums(change^2)), length(times))
  for (i in 1:2) for (j in seq_along(times))
    record(case, "jackknife_se", i - 1, se[j, i], times[j])
}
small <- spells[seq_len(100), ]
jackknife("jackknife", small, FALSE, c(30, 90))
jackknife("jackknife_entry", small, TRUE, c(30, 90))

write.csv(do.call(rbind, rows), file.path(here, "fine_gray_expected.csv"), row.names = FALSE,
          quote = FALSE)
