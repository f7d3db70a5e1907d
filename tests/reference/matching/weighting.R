# Weights on MatchIt's lalonde data (balance_rows.csv), by what R itself has: glm and nnet for
# scores, survey::calibrate for entropy balancing (raking to means is the same problem), quadprog for
# stable weights, a root of the balance equations for CBPS. Standard errors: the equations of the
# weights, the means and the regression are stacked, their derivative is taken numerically
# (M-estimation); where the weights are taken as given, sandwich's HC0.
#   weighting_expected.csv  one row for each case: estimate, standard error, and the effective size
#                           and largest share of weight in the lowest and the highest group
suppressMessages({library(survey); library(sandwich); library(nnet); library(quadprog)})
people <- read.csv("balance_rows.csv")
n <- nrow(people)
t <- people$treat
y <- people$re78
won <- as.numeric(y > 0)
race <- factor(people$race, levels = c("black", "hispan", "white"))
x <- cbind(1, scale(cbind(people$age, people$educ, race == "hispan", race == "white", people$married,
                          people$nodegree, people$re74, people$re75)))
few <- x[, c(1, 2, 3, 6, 7, 8)] # without race and re75, for which entropy balancing is easy
rows <- list()

root <- function(psi, start) { # Newton with a numerical derivative
  at <- start
  for (k in 1:200) {
    step <- solve(slope(psi, at), colSums(psi(at)))
    while (any(!is.finite(psi(at - step)))) step <- step / 2
    at <- at - step
    if (max(abs(step)) < 1e-13 * max(1, abs(at))) break
  }
  at
}
slope <- function(psi, at) sapply(seq_along(at), function(k) {
  h <- 1e-5 * max(1, abs(at[k]))
  up <- down <- at
  up[k] <- at[k] + h
  down[k] <- at[k] - h
  (colSums(psi(up)) - colSums(psi(down))) / (2 * h)
})
stacked <- function(psi, at, cluster = NULL) {
  a <- solve(slope(psi, at))
  part <- psi(at)
  if (!is.null(cluster)) part <- rowsum(part, cluster)
  a %*% crossprod(part) %*% t(a)
}
keep <- function(case, w, estimate, error, group = t) {
  ess <- tapply(w, group, function(v) sum(v)^2 / sum(v^2))
  share <- tapply(w, group, function(v) max(v) / sum(v))
  k <- length(ess)
  rows[[length(rows) + 1]] <<- data.frame(
    case = case, estimate = estimate, std_error = error, ess_low = ess[[1]], ess_high = ess[[k]],
    share_low = share[[1]], share_high = share[[k]])
}
# Both groups' weighted means after the equations `first` of theta; `of` gives the weights.
compare <- function(case, theta, first, of, outcome = y, measure = "difference", cluster = NULL,
                    factor = 1) {
  w <- of(theta)
  means <- c(weighted.mean(outcome[t == 1], w[t == 1]), weighted.mean(outcome[t == 0], w[t == 0]))
  scale <- mean(abs(means))
  q <- length(theta)
  psi <- function(at) {
    v <- of(at[1:q])
    cbind(first(at[1:q]), v * t * (outcome / scale - at[q + 1]),
          v * (1 - t) * (outcome / scale - at[q + 2]))
  }
  v <- stacked(psi, c(theta, means / scale), cluster)[q + 1:2, q + 1:2] * scale^2 * factor
  d <- switch(measure, difference = c(1, -1), ratio = c(1, -1) / means,
              odds_ratio = c(1, -1) / (means * (1 - means)))
  value <- switch(measure, difference = means[1] - means[2], ratio = means[1] / means[2],
                  odds_ratio = means[1] / (1 - means[1]) / (means[2] / (1 - means[2])))
  keep(case, w, value, sqrt(drop(t(d) %*% v %*% d)))
}
forms <- function(e, target, s = 1) s * switch(target,
  ATT = t + (1 - t) * e / (1 - e), ATC = t * (1 - e) / e + 1 - t,
  ATE = t / e + (1 - t) / (1 - e), ATO = t * (1 - e) + (1 - t) * e)
scored <- function(case, target, link = "logit", s = rep(1, n), ...) {
  family <- quasibinomial(link)
  fit <- glm(t ~ x - 1, family, weights = s, control = list(epsilon = 1e-15, maxit = 100))
  score <- function(b) {
    eta <- drop(x %*% b)
    e <- family$linkinv(eta)
    s * (t - e) * family$mu.eta(eta) / (e * (1 - e)) * x
  }
  b <- root(score, coef(fit))
  compare(case, b, score, function(b) forms(family$linkinv(drop(x %*% b)), target, s), ...)
}
scored("ipw_att", "ATT")
scored("ipw_ate", "ATE")
scored("ipw_atc", "ATC")
scored("overlap", "ATO")
scored("probit_att", "ATT", "probit")
scored("cloglog_ate", "ATE", "cloglog")
scored("survey_att", "ATT", s = people$s)
scored("survey_ate", "ATE", s = people$s)
scored("ratio_ate", "ATE", measure = "ratio", outcome = won)
scored("odds_att", "ATT", measure = "odds_ratio", outcome = won)
n_clusters <- length(unique(people$educ))
scored("cluster_att", "ATT", cluster = people$educ,
       factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - 2))

# Weights cut at the 98th percentile of their group, then taken as given.
e <- fitted(glm(t ~ x - 1, binomial, control = list(epsilon = 1e-15, maxit = 100)))
w <- forms(e, "ATE")
for (g in 0:1) w[t == g] <- pmin(w[t == g], quantile(w[t == g], 0.98))
keep("trim_ate", w, coef(lm(y ~ t, weights = w))[[2]], NA)

# g-computation after weights: a regression in each group, averaged over those who took part.
fit <- glm(t ~ x - 1, quasibinomial, control = list(epsilon = 1e-15, maxit = 100))
z <- x[, c(1, 2, 3, 8)]
score <- function(b) (t - plogis(drop(x %*% b))) * x
b <- root(score, coef(fit))
of <- function(b) forms(plogis(drop(x %*% b)), "ATT")
m1 <- coef(lm(y / 1000 ~ z - 1, weights = of(b), subset = t == 1))
m0 <- coef(lm(y / 1000 ~ z - 1, weights = of(b), subset = t == 0))
p <- ncol(x)
psi <- function(at) {
  v <- of(at[1:p])
  b1 <- at[p + 1:4]
  b0 <- at[p + 5:8]
  cbind(score(at[1:p]), v * t * (y / 1000 - drop(z %*% b1)) * z,
        v * (1 - t) * (y / 1000 - drop(z %*% b0)) * z, t * (drop(z %*% (b1 - b0)) - at[p + 9]))
}
effect <- sum(t * drop(z %*% (m1 - m0))) / sum(t)
v <- stacked(psi, c(b, m1, m0, effect))
keep("regression_att", of(b), 1000 * effect, 1000 * sqrt(v[p + 9, p + 9]))

# Entropy balancing: raking to the target's means with the base weights.
raked <- function(inside, base, target) {
  design <- svydesign(~1, weights = base[inside] / sum(base[inside]),
                      data = data.frame(few[inside, -1]))
  goal <- c("(Intercept)" = 1, setNames(target, names(design$variables)))
  formula <- reformulate(names(design$variables))
  found <- calibrate(design, formula, goal, calfun = "raking", epsilon = 1e-13, maxit = 500)
  weights(found) * sum(base[inside])
}
balanced <- function(case, s, over) {
  each <- few[, -1]
  aim <- if (over == "ATE") rep(1, n) else t
  target <- colSums(aim * s * each) / sum(aim * s)
  w <- s
  groups <- if (over == "ATE") 0:1 else 0
  for (g in groups) w[t == g] <- raked(t == g, s, target)
  # Stacked: the tilts of each group, and the target's means.
  q <- length(target)
  tilt <- function(g) coef(lm(log(w / s)[t == g] ~ each[t == g, ]))[-1]
  theta <- c(target, unlist(lapply(groups, tilt)))
  of <- function(at) {
    v <- s
    for (k in seq_along(groups)) {
      inside <- t == groups[k]
      raw <- s[inside] * exp(drop(sweep(each[inside, ], 2, at[1:q]) %*% at[q * k + 1:q]))
      v[inside] <- raw / sum(raw) * sum(s[inside])
    }
    v
  }
  first <- function(at) {
    moved <- sweep(each, 2, at[1:q])
    v <- of(at)
    parts <- lapply(groups, function(g) v * (t == g) * moved)
    do.call(cbind, c(list(aim * s * moved), parts))
  }
  # The weights are normed within the group, so that their sum is an equation too: its part is in
  # the means, which do not depend on it.
  compare(case, theta, first, of)
}
balanced("entropy_att", rep(1, n), "ATT")
balanced("entropy_ate", rep(1, n), "ATE")
balanced("entropy_survey", people$s, "ATT")

# CBPS over all: the root of the equations.
score <- function(b) {
  e <- plogis(drop(few %*% b))
  (t / e - (1 - t) / (1 - e)) * few
}
start <- coef(glm(t ~ few - 1, binomial))
compare("cbps_ate", root(score, start), score,
        function(b) forms(plogis(drop(few %*% b)), "ATE"))
score <- function(b) (t * exp(-drop(few %*% b)) - (1 - t)) * few
compare("cbps_atc", root(score, start), score, function(b) t * exp(-drop(few %*% b)) + 1 - t)

# Stable weights, exact and within a tolerance of 0.05 SD of those who took part; as given.
inside <- which(t == 0)
each <- x[inside, -1]
target <- colMeans(x[t == 1, -1])
spread <- sqrt(colMeans(sweep(x[t == 1, -1], 2, target)^2))
m <- length(inside)
for (delta in c(0, 0.05)) {
  moved <- sweep(each, 2, target)
  sides <- if (delta == 0) cbind(1, moved, diag(m)) else cbind(1, moved, -moved, diag(m))
  right <- if (delta == 0) c(1, rep(0, ncol(each)), rep(0, m)) else
    c(1, rep(-delta * spread, 2), rep(0, m))
  solved <- solve.QP(diag(m), rep(0, m), sides, right,
                     meq = if (delta == 0) 1 + ncol(each) else 1)$solution
  w <- rep(1, n)
  w[inside] <- ifelse(solved > 1e-10, solved, 0) * m
  fit <- lm(y ~ t, weights = w, subset = w > 0) # sandwich miscounts rows with a weight of 0
  keep(if (delta == 0) "stable_exact" else "stable_near", w, coef(fit)[[2]],
       sqrt(vcovHC(fit, "HC0")[2, 2]))
}

# Three groups, by race: a multinomial score, weights for all and for those with overlap.
own <- as.integer(race)
covariates <- scale(cbind(people$age, people$educ, people$married))
fit <- multinom(race ~ covariates, trace = FALSE, maxit = 1000, reltol = 1e-16, abstol = 1e-12)
z <- cbind(1, covariates)
shares <- function(b) {
  eta <- cbind(1, exp(z %*% b[1:4]), exp(z %*% b[5:8]))
  eta / rowSums(eta)
}
score <- function(b) {
  e <- shares(b)
  cbind(((own == 2) - e[, 2]) * z, ((own == 3) - e[, 3]) * z)
}
b <- root(score, as.vector(t(coef(fit))))
for (target in c("ATE", "ATO", "ATT")) {
  of <- function(b) {
    e <- shares(b)
    h <- switch(target, ATE = 1, ATO = 1 / rowSums(1 / e), ATT = e[, 3])
    h / e[cbind(1:n, own)]
  }
  w <- of(b)
  means <- sapply(1:3, function(g) weighted.mean(y[own == g], w[own == g])) / 1000
  psi <- function(at) cbind(score(at[1:8]), sapply(1:3, function(g)
    of(at[1:8]) * (own == g) * (y / 1000 - at[8 + g])))
  v <- stacked(psi, c(b, means))[9:11, 9:11]
  for (g in 2:3) {
    d <- replace(c(-1, 0, 0), g, 1)
    keep(paste0("three_", tolower(target), "_", g), w, 1000 * sum(d * means),
         1000 * sqrt(drop(t(d) %*% v %*% d)), own)
  }
}
out <- do.call(rbind, rows)
number <- function(v) ifelse(is.na(v), "", trimws(formatC(v, digits = 17, format = "g")))
out[-1] <- lapply(out[-1], number)
write.csv(out, "weighting_expected.csv", row.names = FALSE, quote = FALSE)
