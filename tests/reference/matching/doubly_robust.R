# AIPW and TMLE by their formulas, from glm and lm, on the rows of MatchIt's lalonde data.
# Run in this folder, after balance.R: Rscript doubly_robust.R
rows <- read.csv("balance_rows.csv")
control <- glm.control(epsilon = 1e-15, maxit = 100)
covariates <- ~ age + educ + race + married + nodegree + re74 + re75
t <- rows$treat
e <- fitted(glm(update(covariates, treat ~ .), binomial, rows, control = control))
outcome <- rows$re78
low <- min(outcome); range <- diff(range(outcome))
rows$y <- outcome; rows$u <- (outcome - low) / range
result <- list()
for (survey in c("no", "yes")) {
  s <- if (survey == "yes") rows$s else rep(1, nrow(rows))
  rows$sw <- s
  e <- suppressWarnings(fitted(glm(update(covariates, treat ~ .), binomial, rows, weights = sw,
                                   control = control)))
  for (estimand in c("ATT", "ATE", "ATC")) {
    target <- s * switch(estimand, ATT = t, ATE = 1, ATC = 1 - t)
    aim <- switch(estimand, ATT = e, ATE = 1, ATC = 1 - e)
    means <- sapply(c(0, 1), function(g) {
      own <- t == g
      w <- s * aim / (if (g == 1) e else 1 - e) * own
      m <- predict(lm(update(covariates, y ~ .), rows[own, ], weights = sw), rows)
      plain <- sum(target * m) / sum(target)
      residuals <- sum(w * (outcome - m))
      q <- suppressWarnings(predict(glm(update(covariates, u ~ .), quasibinomial, rows[own, ],
                                        weights = sw, control = control), rows))
      shift <- suppressWarnings(coef(glm(u ~ 1, quasibinomial, rows[own, ], offset = q[own],
                                         weights = w[own], control = control)))
      c(plain + residuals / sum(w), plain + residuals / sum(target),
        low + range * sum(target * plogis(q + shift)) / sum(target))
    })
    result[[length(result) + 1]] <- data.frame(
      survey, estimand, case = c("aipw", "unnormalised", "tmle"),
      treated = sprintf("%.17g", means[, 2]), control = sprintf("%.17g", means[, 1]))
  }
}
write.csv(do.call(rbind, result), "doubly_robust_expected.csv", row.names = FALSE, quote = FALSE)
