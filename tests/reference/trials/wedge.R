# A stepped-wedge trial: random intercepts by lme4, with Kenward-Roger by pbkrtest.
library(lme4)
library(pbkrtest)

write_exact <- function(x, name) {
  numeric <- vapply(x, is.numeric, TRUE)
  x[numeric] <- lapply(x[numeric], function(v) sprintf("%.17g", v))
  write.csv(x, name, row.names = FALSE, quote = FALSE)
}

set.seed(31)
rows <- list()
for (office in 1:9) {
  u <- rnorm(1, 0, 1.5)
  start <- 2 + (office - 1) %% 3
  for (period in 1:4) {
    m <- sample(4:9, 1)
    exposed <- as.integer(period >= start)
    age <- round(runif(m, 25, 60))
    y <- 20 + u + 0.4 * period + 1.2 * exposed + 0.03 * age + rnorm(m, 0, 3)
    rows[[length(rows) + 1]] <- data.frame(office = paste0("k", office), period = period,
                                           exposed = exposed, age = age, days = round(y, 3))
  }
}
data <- do.call(rbind, rows)
data <- data[sample(nrow(data)), ]
write.csv(data, "wedge_rows.csv", row.names = FALSE, quote = FALSE)
data <- read.csv("wedge_rows.csv")

out <- list()
for (form in c("days ~ factor(period) + exposed + (1 | office)",
               "days ~ factor(period) + exposed + age + (1 | office)")) {
  fit <- lmer(as.formula(form), data, REML = TRUE,
              control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10)))
  l <- matrix(as.numeric(names(fixef(fit)) == "exposed"), 1)
  test <- KRmodcomp(fit, l)
  v <- as.data.frame(VarCorr(fit))$vcov
  out[[length(out) + 1]] <- data.frame(
    adjusted = grepl("age", form), estimate = fixef(fit)[["exposed"]],
    std_error = sqrt(as.numeric(l %*% as.matrix(vcovAdj(fit)) %*% t(l))), df = test$stats$ddf,
    between = v[1], within = v[2], loglik = as.numeric(logLik(fit))
  )
}
write_exact(do.call(rbind, out), "wedge_expected.csv")
