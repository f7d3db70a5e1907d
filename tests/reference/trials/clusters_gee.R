# Generalised estimating equations with exchangeable and independence working correlation: geepack.
library(geepack)

write_exact <- function(x, name) {
  numeric <- vapply(x, is.numeric, TRUE)
  x[numeric] <- lapply(x[numeric], function(v) sprintf("%.17g", v))
  write.csv(x, name, row.names = FALSE, quote = FALSE)
}

set.seed(12)
rows <- list()
for (office in 1:22) {
  m <- sample(3:14, 1)
  arm <- if (office %% 2) "ReDO" else "CAU"
  u <- rnorm(1, 0, 0.7)
  age <- round(runif(m, 25, 60))
  eta <- -0.3 + 0.6 * (arm == "ReDO") + 0.02 * (age - 40) + u
  rows[[office]] <- data.frame(office = paste0("k", office), arm = arm, age = age,
                               work = rbinom(m, 1, plogis(eta)), visits = rpois(m, exp(0.5 + eta / 2)),
                               score = round(20 + 2 * eta + rnorm(m, 0, 3), 2))
}
data <- do.call(rbind, rows)
write.csv(data, "clusters_gee_rows.csv", row.names = FALSE, quote = FALSE)
data <- read.csv("clusters_gee_rows.csv")
data$id <- as.integer(factor(data$office, unique(data$office)))
data$redo <- as.numeric(data$arm == "ReDO")

out <- list()
for (outcome in c("work", "visits", "score")) for (structure in c("independence", "exchangeable")) {
  family <- list(work = binomial(), visits = poisson(), score = gaussian())[[outcome]]
  for (adjusted in c(FALSE, TRUE)) {
    right <- if (adjusted) "redo + age" else "redo"
    fit <- geeglm(as.formula(paste(outcome, "~", right)), family, data, id = id,
                  corstr = structure,
                  control = geese.control(epsilon = 1e-12, maxit = 200))
    out[[length(out) + 1]] <- data.frame(
      outcome = outcome, correlation = structure, adjusted = adjusted,
      estimate = coef(fit)[["redo"]], robust = sqrt(vcov(fit)["redo", "redo"]),
      alpha = if (structure == "exchangeable") fit$geese$alpha[[1]] else 0
    )
  }
}
write_exact(do.call(rbind, out), "clusters_gee_expected.csv")
