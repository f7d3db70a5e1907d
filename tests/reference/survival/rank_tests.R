# Log-rank tests, their family, and Gray's test.
#
#   Rscript tests/reference/survival/rank_tests.R
#
# reads incidence_mgus2.csv and incidence_spells.csv (which incidence.R writes) and curves_lung.csv
# (which curves.R reads), and writes rank_tests_expected.csv. The column source names the function
# that gave the value:
#   survdiff   survival::survdiff, on chosen groups for pairs, on repeated rows for case weights
#   coxph      score test of survival::coxph(ties = "exact"), which with ties is the log-rank test
#              with the hypergeometric variance; for trend, and for late entry without ties
#   p.adjust   stats::p.adjust of survdiff's p-values
#   formula    sums over the event times as in Fleming and Harrington, written out below, for
#              weights that survdiff does not have
#   cuminc     cmprsk::cuminc's test
#   finegray   sums over the event times with the weights of survival::finegray in each group, for
#              Gray's score with delayed entry; on rank_tests_late.csv, which is drawn below so that
#              every group has events of every cause on every day (finegray has no others)
# Needs survival (3.5-3) and cmprsk (2.2-11).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(cmprsk)})

rows <- list()
record <- function(data, test, group, strata, rho, gamma, source, cause, quantity, value)
  rows[[length(rows) + 1]] <<- data.frame(data = data, test = test, group = group,
    strata = strata, rho = rho, gamma = gamma, source = source, cause = cause,
    quantity = quantity, value = sprintf("%.17g", value))
tail_of <- function(statistic, df) pchisq(statistic, df, lower.tail = FALSE)

difference <- function(d, strata, rho)
  if (strata == "") survdiff(Surv(time, event) ~ group, d, rho = rho) else
    survdiff(Surv(time, event) ~ group + strata(stratum), d, rho = rho)

logrank <- function(data, d, strata, rho, test = "logrank") {
  fit <- difference(d, strata, rho)
  df <- length(unique(d$group)) - 1
  observed <- if (is.matrix(fit$obs)) rowSums(fit$obs) else fit$obs
  expected <- if (is.matrix(fit$exp)) rowSums(fit$exp) else fit$exp
  record(data, test, "group", strata, rho, 0, "survdiff", "", "statistic", fit$chisq)
  record(data, test, "group", strata, rho, 0, "survdiff", "", "df", df)
  record(data, test, "group", strata, rho, 0, "survdiff", "", "p_value", tail_of(fit$chisq, df))
  record(data, test, "group", strata, rho, 0, "survdiff", sort(unique(d$group)), "observed",
         observed)
  record(data, test, "group", strata, rho, 0, "survdiff", sort(unique(d$group)), "expected",
         expected)
}

weighted <- function(data, d, rho, gamma, late) {
  groups <- sort(unique(d$group))
  entry <- if (late) d$entry else rep(-1, nrow(d))
  survival <- 1; score <- 0; variance <- 0
  for (t in sort(unique(d$time[d$event == 1]))) {
    risk <- entry < t & d$time >= t
    dead <- d$time == t & d$event == 1
    n <- sum(risk); k <- sum(dead)
    n_g <- sapply(groups, function(g) sum(risk & d$group == g))
    w <- survival^rho * (1 - survival)^gamma
    score <- score + w * (sapply(groups, function(g) sum(dead & d$group == g)) - k * n_g / n)
    if (n > 1) variance <- variance +
      w^2 * k * (n - k) / (n - 1) * (diag(n_g / n) - outer(n_g, n_g) / n^2)
    survival <- survival * (1 - k / n)
  }
  statistic <- drop(score[-1] %*% solve(variance[-1, -1], score[-1]))
  record(data, if (late) "late" else "logrank", "group", "", rho, gamma, "formula", "",
         "statistic", statistic)
}

score <- function(data, test, d, formula, strata = "") {
  fit <- coxph(formula, d, ties = "exact")
  record(data, test, "group", strata, 0, 0, "coxph", "", "statistic", fit$score)
}

pairs_of <- function(data, d, strata, rho) {
  pairs <- combn(sort(unique(d$group)), 2)
  p <- NULL
  for (i in seq_len(ncol(pairs))) {
    name <- paste(pairs[2, i], pairs[1, i], sep = " v ")
    fit <- difference(d[d$group %in% pairs[, i], ], strata, rho)
    p <- c(p, tail_of(fit$chisq, 1))
    record(data, "pairwise", "group", strata, rho, 0, "survdiff", name, "statistic", fit$chisq)
  }
  names <- paste(pairs[2, ], pairs[1, ], sep = " v ")
  for (method in c("holm", "bonferroni", "BH"))
    record(data, "pairwise", "group", strata, rho, 0, "p.adjust", names, tolower(method),
           p.adjust(p, method))
}

gray <- function(data, d, strata, rho) {
  test <- cuminc(d$time, d$cause, d$group, rho = rho,
                 strata = if (strata == "") rep(1, nrow(d)) else d$stratum)$Tests
  for (quantity in c(statistic = "stat", p_value = "pv", df = "df"))
    record(data, "gray", "group", strata, rho, 0, "cuminc", rownames(test),
           c(stat = "statistic", pv = "p_value", df = "df")[quantity], test[, quantity])
}

late_gray <- function(d, cause) {
  d$kind <- factor(d$exit, 0:2)
  kept <- do.call(rbind, lapply(split(d, d$group), function(part)
    finegray(Surv(entry, time, kind) ~ ., part, etype = cause, id = id)))
  groups <- sort(unique(d$group))
  expected <- 0
  for (t in sort(unique(d$time[d$exit == cause]))) {
    risk <- sapply(groups, function(g)
      sum(kept$fgwt[kept$group == g & kept$fgstart < t & kept$fgstop >= t]))
    expected <- expected + sum(d$time == t & d$exit == cause) * risk / sum(risk)
  }
  observed <- sapply(groups, function(g) sum(d$exit == cause & d$group == g))
  test <- paste("gray late", cause)
  record("late", test, "group", "", 0, 0, "finegray", groups, "observed", observed)
  record("late", test, "group", "", 0, 0, "finegray", groups, "expected", expected)
}

set.seed(11)
late <- data.frame(id = 1:800, entry = sample(c(0, 0, 0, 0:3), 800, TRUE),
                   time = ceiling(rexp(800, 0.18)), exit = sample(0:2, 800, TRUE),
                   group = sample(c("a", "b", "c"), 800, TRUE, c(0.4, 0.35, 0.25)))
late$exit[late$time > 6] <- 0
late$time <- pmin(late$time, 6)
late <- late[late$entry < late$time, ]
write.csv(late, file.path(here, "rank_tests_late.csv"), row.names = FALSE, quote = FALSE)
stopifnot(table(late$group, late$time, late$exit)[, , c("1", "2")] > 0)
for (cause in 1:2) late_gray(late, cause)

mgus2 <- read.csv(file.path(here, "incidence_mgus2.csv"))
mgus2$stratum <- as.integer(mgus2$age > 70)
spells <- read.csv(file.path(here, "incidence_spells.csv"))
lung <- read.csv(file.path(here, "curves_lung.csv"))
lung$event <- lung$status
lung$group <- lung$sex
sets <- list(mgus2 = mgus2, ties = spells[spells$set == "ties", ],
             fine = spells[spells$set == "fine", ])

logrank("lung", lung, "", 0)
for (name in names(sets)) {
  d <- sets[[name]]
  d$event <- as.integer(d$cause > 0)
  for (strata in c("", "stratum")) for (rho in c(0, 0.5, 1)) {
    logrank(name, d, strata, rho)
    gray(name, d, strata, rho)
  }
  for (power in list(c(0, 1), c(1, 1), c(0.5, 2))) weighted(name, d, power[1], power[2], FALSE)
  if (name == "mgus2") next
  d$level <- as.integer(factor(d$group))
  logrank(name, d[rep(seq_len(nrow(d)), d$copies), ], "", 0, "case")
  logrank(name, d[rep(seq_len(nrow(d)), d$copies), ], "stratum", 1, "case")
  weighted(name, d, 0, 0, TRUE)
  weighted(name, d, 1, 0.5, TRUE)
  if (name == "fine") {  # with ties and late entry coxph would go through all subsets
    score(name, "late", d, Surv(entry, time, event) ~ group)
    score(name, "late trend", d, Surv(entry, time, event) ~ level)
  }
  score(name, "trend", d, Surv(time, event) ~ level)
  score(name, "trend", d, Surv(time, event) ~ level + strata(stratum), "stratum")
  for (strata in c("", "stratum")) pairs_of(name, d, strata, 0)
  pairs_of(name, d, "", 1)
}

write.csv(do.call(rbind, rows), file.path(here, "rank_tests_expected.csv"), row.names = FALSE,
          quote = FALSE)
