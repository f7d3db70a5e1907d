# Reference values for discrete-time hazards.
#
#   Rscript tests/reference/survival/discrete.R
#
# reads discrete_rows.csv (one simulated spell a row) and discrete_episodes.csv (rows of constant
# covariates) beside this script and writes discrete_expected.csv. Person-period rows are written
# out, by survival::survSplit where intervals are closed on the right and row by row otherwise, and
# go to stats::glm; robust covariances are sandwich::vcovCL's. Standard errors of survival and of
# standardised survival are the delta method's with numDeriv's derivatives; Firth's estimates
# maximise the penalised likelihood numerically. Needs survival (3.5-3), sandwich (3.0-2), numDeriv.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(sandwich); library(numDeriv)})

rows <- read.csv(file.path(here, "discrete_rows.csv"))
episodes <- read.csv(file.path(here, "discrete_episodes.csv"))
breaks <- c(90, 180, 365, 914)
result <- NULL

record <- function(case, source, quantity, term, value) {
  result <<- rbind(result, data.frame(case = case, source = source, quantity = quantity,
                                      term = term, value = sprintf("%.17g", value)))
}

# One row for each interval of each spell. An interval holds a spell that is at risk for some of its
# length, or has its event in it.
expand <- function(df, breaks, closed, late = "same") {
  low <- c(0, breaks); high <- c(breaks, Inf)
  out <- NULL
  for (i in seq_len(nrow(df))) for (j in seq_along(low)) {
    one <- df[i, ]
    left <- closed == "left"
    happens <- one$left == 1 && (if (left) one$stop >= low[j] && one$stop < high[j]
                                 else one$stop > low[j] && one$stop <= high[j])
    shares <- min(one$stop, high[j]) > max(one$start, low[j])
    if (!happens && !shares) next
    if (late == "next" && one$start > low[j] && one$start < high[j]) next
    enters <- one$start > low[j]
    ends <- one$left == 0 && one$stop < high[j]
    partial <- !happens && (enters || ends)
    out <- rbind(out, cbind(one, interval = j, y = as.integer(happens), partial = partial))
  }
  out
}

# One row for each interval of each person, with the covariates of the row that it begins with.
expand_persons <- function(df, breaks) {
  low <- c(0, breaks); high <- c(breaks, Inf)
  out <- NULL
  for (person in split(df, df$id)) for (j in seq_along(low)) {
    inside <- pmin(person$stop, high[j]) > pmax(person$start, low[j])
    happens <- any(person$left == 1 & person$stop >= low[j] & person$stop < high[j])
    if (!any(inside) && !happens) next
    # An event on a break with nothing of the interval before it belongs to the last row.
    k <- if (any(inside)) which(inside)[1] else nrow(person)
    out <- rbind(out, cbind(person[k, ], interval = j, y = as.integer(happens)))
  }
  out
}

fit <- function(formula, long, link, weights = rep(1, nrow(long))) {
  long$w <- weights
  suppressWarnings(  # half weights are no whole numbers of successes
    glm(formula, binomial(link), long, weights = w,
        control = glm.control(epsilon = 1e-15, maxit = 200)))
}

coefficients_of <- function(case, source, model, vcov = vcov_of(model)) {
  record(case, source, "estimate", names(coef(model)), coef(model))
  record(case, source, "std_error", names(coef(model)), sqrt(diag(vcov)))
}

vcov_of <- function(model) summary(model)$cov.unscaled  # dispersion 1

loglik_of <- function(case, source, model, long, weights = 1) {
  h <- fitted(model)
  record(case, source, "loglik", "", sum(weights * ifelse(long$y == 1, log(h), log1p(-h))))
}

qlink <- function(h, link) binomial(link)$linkfun(drop(h))

main <- y ~ 0 + factor(interval) + treated + age + region

## Intervals closed on the right, by survSplit: links, entries and weights.
for (link in c("cloglog", "logit")) for (entry in c(FALSE, TRUE)) for (weighted in c(FALSE, TRUE)) {
  df <- rows
  if (!entry) df$start <- 0
  long <- survSplit(Surv(start, stop, left) ~ ., df, cut = breaks, episode = "interval",
                    event = "y")
  w <- if (weighted) long$weight else rep(1, nrow(long))
  model <- fit(main, long, link, w)
  case <- paste("right", link, if (entry) "entry" else "all", if (weighted) "weights" else "plain")
  coefficients_of(case, "survival::survSplit, stats::glm", model)
  loglik_of(case, "survival::survSplit, stats::glm", model, long, w)
}

## Intervals closed on the left: late entries, partial intervals.
for (link in c("cloglog", "logit")) for (late in c("same", "next")) for (partial in c("whole", "half")) {
  long <- expand(rows, breaks, "left", late)
  w <- ifelse(partial == "half" & long$partial, 0.5, 1)
  model <- fit(main, long, link, w)
  case <- paste("left", link, late, partial)
  coefficients_of(case, "expanded rows, stats::glm", model)
  loglik_of(case, "expanded rows, stats::glm", model, long, w)
}

## Clusters, with and without weights.
plain <- rows
plain$start <- 0
long <- expand(plain, breaks, "left")
for (link in c("cloglog", "logit")) for (weighted in c(FALSE, TRUE)) {
  w <- if (weighted) long$weight else rep(1, nrow(long))
  model <- fit(main, long, link, w)
  case <- paste("cluster", link, if (weighted) "weights" else "plain")
  coefficients_of(case, "stats::glm, sandwich::vcovCL", model,
                  vcovCL(model, cluster = long$cluster))
}
# Sampling weights: every person is a cluster.
model <- fit(main, long, "cloglog", long$weight)
coefficients_of("sampling", "stats::glm, sandwich::vcovCL", model, vcovCL(model, cluster = long$id))

## Effects by interval.
long <- expand(plain, breaks[1:3], "left")
model <- fit(y ~ 0 + factor(interval) + age + factor(interval):treated, long, "cloglog")
coefficients_of("by interval", "expanded rows, stats::glm", model)
reduced <- fit(y ~ 0 + factor(interval) + age + treated, long, "cloglog")
b <- coef(model)[grep("treated", names(coef(model)))]
v <- vcov_of(model)[names(b), names(b)]
contrast <- cbind(-1, diag(length(b) - 1))
record("by interval", "stats::glm, Wald's quadratic form", "wald", "",
       drop(t(contrast %*% b) %*% solve(contrast %*% v %*% t(contrast), contrast %*% b)))

## Shapes of the baseline, in intervals of 30 days.
fine <- seq(30, 900, 30)
long <- expand(plain, fine, "left")
long$t <- long$interval
share <- cumsum(tabulate(long$interval[long$y == 1], length(fine) + 1)) / sum(long$y)
at <- function(p) which(share >= p - 1e-12)[1]
knots <- c(min(long$interval[long$y == 1]), sapply(c(1, 2, 3) / 3, at))
shapes <- list(
  constant = y ~ treated,
  log = y ~ log(t) + treated,
  polynomial = y ~ t + I(t^2) + treated,
  spline = y ~ splines::ns(t, knots = knots[2:3], Boundary.knots = knots[c(1, 4)]) + treated)
for (shape in names(shapes)) {
  model <- fit(shapes[[shape]], long, "cloglog")
  case <- paste("baseline", shape)
  loglik_of(case, "expanded rows, stats::glm", model, long)
  record(case, "expanded rows, stats::glm", "estimate", "treated", coef(model)["treated"])
  record(case, "expanded rows, stats::glm", "std_error", "treated",
         sqrt(vcov_of(model)["treated", "treated"]))
  if (shape != "spline") {
    record(case, "expanded rows, stats::glm", "baseline", names(coef(model)), coef(model))
  }
  p <- predict(model, data.frame(t = c(1, 5, 20, 31), treated = 0), type = "link", se.fit = TRUE)
  record(case, "stats::predict.glm", "link", paste0("t", c(1, 5, 20, 31)), p$fit)
  record(case, "stats::predict.glm", "link_error", paste0("t", c(1, 5, 20, 31)), p$se.fit)
}

## Predicted and standardised survival.
long <- expand(plain, breaks, "left")
person <- data.frame(treated = 1, age = 50, region = "C")
for (link in c("cloglog", "logit")) for (robust in c(FALSE, TRUE)) {
  model <- fit(main, long, link)
  v <- if (robust) vcovCL(model, cluster = long$cluster) else vcov_of(model)
  inverse <- binomial(link)$linkinv
  hazards <- function(theta, df) {
    X <- model.matrix(~ 0 + treated + age + region, transform(df, region = factor(region, c("A", "B", "C"))))
    X <- X[, c("treated", "age", "regionB", "regionC"), drop = FALSE]
    sapply(1:5, function(j) inverse(theta[j] + X %*% theta[6:9]))
  }
  stay <- function(theta, df) apply(1 - matrix(hazards(theta, df), nrow(df)), 1, cumprod)  # 5 x n
  case <- paste("predicted", link, if (robust) "robust" else "model")
  source <- "stats::glm, numDeriv::jacobian"
  theta <- coef(model)
  S <- drop(stay(theta, person))
  J <- jacobian(function(b) -log(drop(stay(b, person))), theta)
  error <- sqrt(diag(J %*% v %*% t(J)))
  spread <- exp(qnorm(0.975) * error / -log(S))
  ends <- c("90", "180", "365", "914")
  record(case, source, "survival", ends, S[1:4])
  record(case, source, "survival_error", ends, (S * error)[1:4])
  record(case, source, "survival_low", ends, (S^spread)[1:4])
  record(case, source, "survival_high", ends, (S^(1 / spread))[1:4])
  new <- data.frame(interval = 1:5, person)
  p <- predict(model, new, type = "link")
  record(case, "stats::predict.glm", "hazard", as.character(1:5), inverse(p))
  X <- jacobian(function(b) qlink(hazards(b, person), link), theta)
  e <- sqrt(diag(X %*% v %*% t(X)))
  record(case, source, "hazard_low", as.character(1:5), inverse(p - qnorm(0.975) * e))
  record(case, source, "hazard_high", as.character(1:5), inverse(p + qnorm(0.975) * e))
  average <- function(theta, a) rowMeans(stay(theta, transform(plain, treated = a)))
  for (a in 0:1) {
    J <- jacobian(average, theta, a = a)
    record(case, source, paste0("standardised", a), ends, average(theta, a)[1:4])
    record(case, source, paste0("standardised_error", a), ends, sqrt(diag(J %*% v %*% t(J)))[1:4])
  }
  apart <- function(theta) average(theta, 1) - average(theta, 0)
  J <- jacobian(apart, theta)
  record(case, source, "difference", ends, apart(theta)[1:4])
  record(case, source, "difference_error", ends, sqrt(diag(J %*% v %*% t(J)))[1:4])
}

## Covariates that change: rows as persons (survSplit), and persons by id.
long <- survSplit(Surv(start, stop, left) ~ ., episodes, cut = breaks[1:3], episode = "interval",
                  event = "y")
model <- fit(y ~ 0 + factor(interval) + treated + degree, long, "cloglog")
coefficients_of("episodes rows", "survival::survSplit, stats::glm", model)
long <- expand_persons(episodes, breaks[1:3])
model <- fit(y ~ 0 + factor(interval) + treated + degree, long, "cloglog")
coefficients_of("episodes persons", "expanded rows, stats::glm", model)
record("episodes persons", "expanded rows", "at_risk", as.character(1:4),
       tabulate(long$interval, 4))

## Firth's penalty, with a region in which nobody leaves.
separated <- plain
separated$left[separated$region == "C"] <- 0
long <- expand(separated, breaks, "left")
X <- model.matrix(~ 0 + factor(interval) + treated + region, long)
X <- X[, colnames(X) != "regionA"]
for (link in c("cloglog", "logit")) {
  family <- binomial(link)
  information <- function(theta) {
    eta <- drop(X %*% theta)
    h <- family$linkinv(eta)
    crossprod(X, X * (family$mu.eta(eta)^2 / (h * (1 - h))))
  }
  target <- function(theta) {
    h <- family$linkinv(drop(X %*% theta))
    -sum(ifelse(long$y == 1, log(h), log1p(-h))) - determinant(information(theta))$modulus / 2
  }
  found <- optim(c(rep(-1, 5), rep(0, ncol(X) - 5)), target, method = "BFGS",
                 control = list(maxit = 5000, reltol = 1e-15))
  theta <- found$par
  for (i in 1:5) theta <- theta - solve(hessian(target, theta), grad(target, theta))
  record(paste("firth", link), "stats::optim, numDeriv", "estimate", colnames(X), theta)
  record(paste("firth", link), "stats::optim, numDeriv", "std_error", colnames(X),
         sqrt(diag(solve(information(theta)))))
}

write.csv(result, file.path(here, "discrete_expected.csv"), row.names = FALSE,
          quote = 1:4)
