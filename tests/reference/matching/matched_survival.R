# Cox regression of matched pairs with pairs as clusters, and weighted, in the package survival.
# Run in this folder: Rscript matched_survival.R
suppressMessages(library(survival))
n <- 120
i <- seq_len(n)
rows <- data.frame(id = i, took = rep(c(1, 0), n / 2), pair = (i + 1) %/% 2,
                   x = ((i * 37) %% 50) / 50, days = ((i * 61) %% 97) + (i %% 7) + 1,
                   ended = as.integer((i * 13) %% 10 < 7), w = 0.5 + ((i * 29) %% 31) / 20)
write.csv(rows, "matched_survival_rows.csv", row.names = FALSE)
tidy <- function(case, fit) data.frame(case, coefficient = sprintf("%.17g", coef(fit)[[1]]),
                                       robust = sprintf("%.17g", sqrt(vcov(fit)[1, 1])))
control <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
expected <- rbind(
  tidy("pairs", coxph(Surv(days, ended) ~ took, rows, cluster = pair, control = control)),
  tidy("weights", coxph(Surv(days, ended) ~ took, rows, weights = w, robust = TRUE,
                        control = control)),
  tidy("both", coxph(Surv(days, ended) ~ took, rows, weights = w, cluster = pair,
                     control = control)))
curves <- survfit(Surv(days, ended) ~ took, rows, weights = w)
mean_to <- function(k, tau) {
  one <- curves[k]
  t <- c(0, one$time[one$time < tau], tau)
  sum(diff(t) * c(1, one$surv[one$time < tau]))
}
at <- summary(curves, times = 40)$surv
expected <- rbind(expected,
  data.frame(case = "rmst_60", coefficient = sprintf("%.17g", mean_to(2, 60) - mean_to(1, 60)), robust = NA),
  data.frame(case = "survival_40", coefficient = sprintf("%.17g", at[2] - at[1]), robust = NA))
write.csv(expected, "matched_survival_expected.csv", row.names = FALSE, quote = FALSE)
