# Reference values for effects on binary, ordinal, count and time outcomes.
#
#   Rscript tests/reference/trials/outcomes.R
#
# reads outcomes_rows.csv (a made-up trial: groups in one arm, offices across arms) and
# outcomes_three_arms.csv (counts of y_b by treatment and s1 in RobinCar2's data glm_data) beside
# this script and writes outcomes_expected.csv. What no package at hand computes is built from its
# definition, and `source` says so: standardised means with the variance of Ye and others (2023)
# from glm's predictions; wins, losses and their variance from the matrix of all pairs. Needs
# clubSandwich (0.5.8), ordinal (2022.11-16), sandwich (3.0-2) and survival (3.5-3).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({
  library(clubSandwich); library(ordinal); library(sandwich); library(survival)
})
d <- read.csv(file.path(here, "outcomes_rows.csv"))
d$arm <- factor(d$arm, c("kontroll", "ReDO"))
d$unit <- ifelse(is.na(d$group), 1000 + d$person, d$group)
three <- read.csv(file.path(here, "outcomes_three_arms.csv"))
three <- three[rep(seq_len(nrow(three)), three$n), ]
repeated <- d[rep(seq_len(nrow(d)), d$copies), ]
exactly <- list(epsilon = 1e-15, maxit = 100)

rows <- list()
record <- function(case, source, ...) {
  values <- list(...)
  rows[[length(rows) + 1]] <<- data.frame(case = case, source = source, quantity = names(values),
                                          value = sprintf("%.17g", unlist(values)))
}
se <- function(v, j = 2) sqrt(v[j, j])

# binary, clusters in one arm: risks by CR2
fit <- lm(work ~ 0 + arm, d)
v <- vcovCR(fit, d$unit, "CR2")
p <- coef(fit)
contrast <- function(case, g, estimate) {
  out <- linear_contrast(fit, v, contrasts = matrix(g, 1), test = "Satterthwaite")
  record(case, "clubSandwich::linear_contrast", estimate = estimate, std_error = out$SE,
         df = out$df)
}
contrast("risk_difference.cr2", c(-1, 1), p[2] - p[1])
contrast("risk_ratio.cr2", c(-1 / p[1], 1 / p[2]), p[2] / p[1])
contrast("odds_ratio.cr2", c(-1, 1) / (p * (1 - p)), p[2] / (1 - p[2]) / (p[1] / (1 - p[1])))

# standardised means
ye <- function(y, a, mu) {
  n <- length(y); k <- ncol(mu); pi <- c(table(a)) / n; v <- matrix(0, k, k)
  code <- as.integer(a)
  for (i in 1:k) for (j in 1:k) {
    ci <- cov(y[code == i], mu[code == i, j]); cj <- cov(y[code == j], mu[code == j, i])
    v[i, j] <- ci + cj - cov(mu[, i], mu[, j])
    if (i == j)
      v[i, j] <- (var(y[code == i]) + var(mu[, i]) - 2 * ci) / pi[i] + 2 * ci - var(mu[, i])
  }
  list(mean = colMeans(mu), v = v / n)
}
marginal <- function(case, y, a, mu) {
  s <- ye(y, a, mu); p <- s$mean[1:2]
  spread <- function(g) { g <- c(g, rep(0, length(s$mean) - 2)); sqrt(c(g %*% s$v %*% g)) }
  record(case, "stats::glm and the formula", mean_control = p[1], mean_arm = p[2],
         std_error_control = sqrt(s$v[1, 1]),
         difference = p[2] - p[1], difference_se = spread(c(-1, 1)),
         log_ratio = log(p[2] / p[1]), log_ratio_se = spread(c(-1, 1) / p),
         log_odds_ratio = qlogis(p[2]) - qlogis(p[1]),
         log_odds_ratio_se = spread(c(-1, 1) / (p * (1 - p))))
}
predicted <- function(fit, data, arm = "arm") sapply(levels(data[[arm]]), function(level) {
  data[[arm]][] <- level; predict(fit, data, type = "response") })
one <- glm(work ~ arm + region + age + woman, binomial, d, control = exactly)
marginal("standardised", d$work, d$arm, predicted(one, d))
each <- glm(work ~ arm * (region + age + woman), binomial, d, control = exactly)
marginal("lin", d$work, d$arm, predicted(each, d))
again <- glm(work ~ arm + region + age + woman, binomial, repeated, control = exactly)
marginal("standardised.copies", repeated$work, repeated$arm, predicted(again, repeated))
three$treatment <- factor(three$treatment)
saturated <- glm(y ~ treatment * s1, binomial, three, control = exactly)
marginal("three_arms", three$y, three$treatment, predicted(saturated, three, "treatment"))

# conditional ratios
conditional <- function(case, fit, data) {
  record(case, "stats::glm", estimate = exp(coef(fit)[2]), model = se(vcov(fit)))
  record(case, "sandwich::vcovHC", HC0 = se(vcovHC(fit, "HC0")), HC1 = se(vcovHC(fit, "HC1")),
         HC2 = se(vcovHC(fit, "HC2")), HC3 = se(vcovHC(fit, "HC3")))
  record(case, "sandwich::vcovCL", CR1 = se(vcovCL(fit, data$office, type = "HC0")))
}
conditional("odds_ratio.ancova", one, d)
conditional("odds_ratio.ancova.copies", again, repeated)
conditional("risk_ratio.ancova", glm(work ~ arm + region + age + woman, poisson, d,
                                     control = exactly), d)

# counts
rate <- glm(spells ~ arm + offset(log(years)), poisson, d, control = exactly)
conditional("rate_ratio", rate, d)
record("rate_ratio", "stats::glm", quasi = sqrt(summary(rate)$dispersion) * se(vcov(rate)) *
         sqrt(sum(residuals(rate, "pearson")^2) / rate$df.residual))
conditional("rate_ratio.ancova", glm(spells ~ arm + region + age + offset(log(years)), poisson, d,
                                     control = exactly), d)
events <- tapply(d$spells, d$arm, sum); exposed <- tapply(d$years, d$arm, sum)
test <- poisson.test(events[2:1], exposed[2:1])
record("rate_ratio.exact", "stats::poisson.test", estimate = unname(test$estimate),
       conf_low = test$conf.int[1], conf_high = test$conf.int[2], p_value = test$p.value)
marginal_count <- glm(spells ~ arm + region + age, poisson, d, control = exactly)
s <- ye(d$spells, d$arm, predicted(marginal_count, d))
record("rate_ratio.standardised", "stats::glm and the formula", estimate = s$mean[2] / s$mean[1],
       std_error = sqrt(c(c(-1, 1) / s$mean) %*% s$v %*% (c(-1, 1) / s$mean)))

# proportional odds
ordered <- function(case, fit, data) {
  j <- length(fit$alpha) + 1
  record(case, "ordinal::clm", estimate = exp(fit$beta[1]), model = se(vcov(fit), j),
         loglik = as.numeric(logLik(fit)))
  record(case, "sandwich::sandwich", HC0 = se(sandwich(fit), j))
  record(case, "sandwich::vcovCL", CR1 = se(vcovCL(fit, data$office, type = "HC0"), j))
}
strict <- clm.control(gradTol = 1e-12, maxIter = 200L)
ordered("proportional_odds", clm(factor(health) ~ arm, data = d, control = strict), d)
ordered("proportional_odds.ancova",
        clm(factor(health) ~ arm + region + I(age - 42) + woman, data = d, control = strict), d)

# pairs
pairs <- function(case, data, strata) {
  total <- sum(vapply(split(data, strata), function(s) {
    n <- table(s$arm); n[1] * n[2] / sum(n) }, 0))
  mean <- c(0, 0); parts <- list()
  for (s in split(data, strata)) {
    y1 <- s$health[s$arm == "ReDO"]; y0 <- s$health[s$arm == "kontroll"]
    n1 <- length(y1); n0 <- length(y0); weight <- n1 * n0 / (n1 + n0) / total
    win <- outer(y1, y0, ">"); loss <- outer(y1, y0, "<")
    mean <- mean + weight * c(mean(win), mean(loss))
    parts <- c(parts, list(list(weight^2 * cov(cbind(rowMeans(win), rowMeans(loss))) / n1, n1 - 1),
                           list(weight^2 * cov(cbind(colMeans(win), colMeans(loss))) / n0, n0 - 1)))
  }
  spread <- function(g) {
    v <- vapply(parts, function(q) c(g %*% q[[1]] %*% g), 0)
    df <- vapply(parts, function(q) q[[2]], 0)
    c(sqrt(sum(v)), sum(v)^2 / sum(v^2 / df))
  }
  index <- spread(c(0.5, -0.5)); ratio <- spread(c(1, -1) / mean)
  record(case, "all pairs by outer", index = 0.5 + (mean[1] - mean[2]) / 2, index_se = index[1],
         index_df = index[2], win_ratio = mean[1] / mean[2], win_ratio_se = ratio[1],
         win_ratio_df = ratio[2])
}
pairs("pairs", d, rep(1, nrow(d)))
pairs("pairs.strata", d, d$region)
pairs("pairs.copies", repeated, rep(1, nrow(repeated)))

# times
exact_cox <- coxph.control(eps = 1e-14, iter.max = 100)
hazard <- function(case, fit, robust) {
  groups <- length(unique(d$office))
  record(case, "survival::coxph", estimate = exp(coef(fit)[1]), model = sqrt(fit$var[1, 1]),
         HC0 = se(robust(1:nrow(d)), 1), CR1 = se(robust(d$office), 1) * sqrt(groups / (groups - 1)))
}
cases <- list(
  hazard_ratio = Surv(days, back) ~ arm,
  hazard_ratio.ancova = Surv(days, back) ~ arm + age + woman,
  hazard_ratio.strata = Surv(days, back) ~ arm + strata(region))
for (case in names(cases)) {
  form <- cases[[case]]
  fit <- coxph(form, d, control = exact_cox)
  scores <- residuals(fit, "dfbeta"); scores <- matrix(scores, nrow(d))
  hazard(case, fit, function(unit) crossprod(rowsum(scores, unit)))
}
area <- function(data) {
  out <- summary(survfit(Surv(days, back) ~ arm, data), rmean = 300)$table
  c(out[2, "rmean"] - out[1, "rmean"], sqrt(sum(out[, "se(rmean)"]^2)),
    out[2, "rmean"], out[1, "rmean"])
}
whole <- area(d)
record("rmst_difference", "survival::survfit", estimate = whole[1], std_error = whole[2],
       mean = whole[3], mean_control = whole[4])
whole <- area(repeated)
record("rmst_difference.copies", "survival::survfit", estimate = whole[1], std_error = whole[2])
by <- vapply(split(d, d$region), area, numeric(4)); share <- c(table(d$region)) / nrow(d)
record("rmst_difference.strata", "survival::survfit by stratum", estimate = sum(share * by[1, ]),
       std_error = sqrt(sum(share^2 * by[2, ]^2)))

write.csv(do.call(rbind, rows), file.path(here, "outcomes_expected.csv"), row.names = FALSE,
          quote = FALSE)
