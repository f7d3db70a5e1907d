# Reference values for parametric survival models.
#
#   Rscript tests/reference/survival/parametric.R
#
# reads parametric_rows.csv (simulated spells, some entered late, some never left) beside this
# script and writes parametric_expected.csv. Right-censored models are survival::survreg's and
# stats::glm's. What survreg does not have (delayed entry, the generalised gamma, a cured share) is
# written down as a likelihood with R's own distribution functions, maximised by stats::optim and
# Newton steps with numDeriv's derivatives. Needs survival (3.5-3) and numDeriv.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(survival); library(numDeriv)})

rows <- read.csv(file.path(here, "parametric_rows.csv"))
result <- NULL

record <- function(case, source, quantity, term, value) {
  result <<- rbind(result, data.frame(case = case, source = source, quantity = quantity,
                                      term = term, value = sprintf("%.17g", value)))
}

control <- survreg.control(rel.tolerance = 1e-14, maxiter = 200)
survreg_names <- c(exponential = "exponential", weibull = "weibull",
                   "log-logistic" = "loglogistic", "log-normal" = "lognormal")
person <- data.frame(treated = 1, age = 50)

## Right censoring: survreg, with weights and clusters.
for (name in names(survreg_names)) for (weighted in c(FALSE, TRUE)) for (robust in c(FALSE, TRUE)) {
  rows$w <- if (weighted) rows$weight else 1
  dist <- survreg_names[[name]]
  model <- if (robust)
    survreg(Surv(stop, left) ~ treated + age, rows, weights = w, dist = dist, cluster = cluster,
            control = control)
  else survreg(Surv(stop, left) ~ treated + age, rows, weights = w, dist = dist, control = control)
  # survreg leaves the weights out of its dfbeta residuals; residuals(weighted = TRUE) has them in.
  V <- if (robust)
    crossprod(rowsum(residuals(model, "dfbeta", weighted = weighted), rows$cluster))
  else vcov(model)
  case <- paste("survreg", name, if (weighted) "weights" else "plain",
                if (robust) "robust" else "model")
  source <- "survival::survreg"
  estimate <- c(coef(model), if (name != "exponential") c("log(scale)" = log(model$scale)))
  record(case, source, "estimate", names(estimate), estimate)
  record(case, source, "std_error", names(estimate), sqrt(diag(V)))
  record(case, source, "loglik", "", model$loglik[2])
  p <- predict(model, person, type = "uquantile", p = c(0.1, 0.5, 0.9), se.fit = TRUE)
  record(case, source, "log_quantile", c("0.1", "0.5", "0.9"), p$fit)
  if (!(robust && weighted)) record(case, source, "log_quantile_error", c("0.1", "0.5", "0.9"), p$se.fit)
}

## Log densities and log survivals of log time, by R's own functions.
gengamma <- function(y, mu, sigma, Q, density) {
  w <- (y - mu) / sigma
  if (Q == 0) return(if (density) dnorm(w, log = TRUE) - log(sigma) - y
                     else pnorm(w, lower.tail = FALSE, log.p = TRUE))
  k <- Q^-2
  g <- k * exp(Q * w)
  if (density) dgamma(g, k, log = TRUE) + log(g * abs(Q)) - log(sigma) - y
  else pgamma(g, k, lower.tail = Q < 0, log.p = TRUE)
}
families <- list(
  exponential = function(y, mu, extra, density)
    if (density) dexp(exp(y), exp(-mu), log = TRUE)
    else pexp(exp(y), exp(-mu), lower.tail = FALSE, log.p = TRUE),
  weibull = function(y, mu, extra, density)
    if (density) dweibull(exp(y), exp(-extra[1]), exp(mu), log = TRUE)
    else pweibull(exp(y), exp(-extra[1]), exp(mu), lower.tail = FALSE, log.p = TRUE),
  "log-logistic" = function(y, mu, extra, density)
    if (density) dlogis(y, mu, exp(extra[1]), log = TRUE) - y
    else plogis(y, mu, exp(extra[1]), lower.tail = FALSE, log.p = TRUE),
  "log-normal" = function(y, mu, extra, density)
    if (density) dlnorm(exp(y), mu, exp(extra[1]), log = TRUE)
    else plnorm(exp(y), mu, exp(extra[1]), lower.tail = FALSE, log.p = TRUE),
  "generalised-gamma" = function(y, mu, extra, density)
    gengamma(y, mu, exp(extra[1]), extra[2], density))
extras <- list(exponential = character(0), weibull = "log(scale)", "log-logistic" = "log(scale)",
               "log-normal" = "log(scale)", "generalised-gamma" = c("log(scale)", "Q"))

X <- model.matrix(~ treated + age, rows)
Z <- model.matrix(~ treated, rows)
mixed <- function(log_s, zeta) {  # log(pi + (1 - pi) S)
  top <- pmax(zeta, log_s)
  top + log(exp(zeta - top) + exp(log_s - top)) - log1p(exp(zeta))
}

# Log-likelihood of each row.
likelihood <- function(theta, name, cure, entry) {
  f <- families[[name]]
  q <- length(extras[[name]])
  mu <- drop(X %*% theta[1:3])
  extra <- theta[3 + seq_len(q)]
  zeta <- if (cure) drop(Z %*% theta[3 + q + 1:2])
  log_s <- function(time) {
    s <- f(log(time), mu, extra, FALSE)
    if (cure) mixed(s, zeta) else s
  }
  log_f <- f(log(rows$stop), mu, extra, TRUE) - if (cure) log1p(exp(zeta)) else 0
  ll <- ifelse(rows$left == 1, log_f, log_s(rows$stop))
  if (entry) ll <- ll - ifelse(rows$start > 0, log_s(pmax(rows$start, 1e-300)), 0)
  ll
}

best <- function(target, starts) {
  found <- NULL
  for (start in starts) {
    one <- optim(start, target, method = "BFGS", control = list(maxit = 5000, reltol = 1e-14))
    if (is.null(found) || one$value < found$value) found <- one
  }
  theta <- found$par
  for (i in 1:6) theta <- theta - solve(hessian(target, theta), grad(target, theta))
  theta
}

for (name in names(families)) for (cure in c(FALSE, TRUE)) for (entry in c(FALSE, TRUE))
  for (weighted in c(FALSE, TRUE)) {
    if (!entry && !cure && name != "generalised-gamma") next  # survreg has these
    if (weighted && !entry) next
    w <- if (weighted) rows$weight else rep(1, nrow(rows))
    target <- function(theta) {
      value <- -sum(w * likelihood(theta, name, cure, entry))
      if (is.finite(value)) value else 1e10
    }
    shapes <- if (name == "generalised-gamma") list(c(-0.2, 0.9), c(0, 0.3)) else
      list(rep(-0.2, length(extras[[name]])))
    starts <- lapply(shapes, function(extra) c(5, -0.3, 0, extra, if (cure) c(-1.5, 0.2)))
    theta <- best(target, starts)
    terms <- c("Intercept", "treated", "age", extras[[name]],
               if (cure) c("cure: Intercept", "cure: treated"))
    case <- paste("optim", name, if (cure) "cure" else "all", if (entry) "entry" else "right",
                  if (weighted) "weights" else "plain")
    source <- "stats::optim, numDeriv"
    V <- solve(hessian(target, theta))
    record(case, source, "estimate", terms, theta)
    record(case, source, "std_error", terms, sqrt(diag(V)))
    record(case, source, "loglik", "", -target(theta))
    if (!entry) next
    S <- jacobian(function(b) w * likelihood(b, name, cure, entry), theta)
    S <- rowsum(S, rows$cluster)
    record(case, source, "robust_error", terms, sqrt(diag(V %*% crossprod(S) %*% V)))
    if (weighted) next
    # Predictions for one person.
    q <- length(extras[[name]])
    x <- c(1, person$treated, person$age)
    log_s <- function(theta, time) {
      s <- families[[name]](log(time), sum(x * theta[1:3]), theta[3 + seq_len(q)], FALSE)
      if (cure) mixed(s, theta[3 + q + 1] + theta[3 + q + 2] * person$treated) else s
    }
    rmst <- function(theta)
      integrate(function(t) exp(log_s(theta, t)), 0, 365, rel.tol = 1e-11, subdivisions = 2000)$value
    median_of <- function(theta)
      exp(uniroot(function(y) log_s(theta, exp(y)) - log(0.5), c(-5, 12), tol = 1e-14)$root)
    hazard <- function(theta, time)
      -grad(function(t) log_s(theta, t), time)
    error <- function(f) { J <- jacobian(f, theta); sqrt(diag(J %*% V %*% t(J))) }
    source <- "stats::optim, integrate, uniroot, numDeriv"
    times <- c(30, 365, 1000)
    record(case, source, "survival", times, exp(sapply(times, function(t) log_s(theta, t))))
    record(case, source, "survival_error", times,
           sapply(times, function(t) error(function(b) exp(log_s(b, t)))))
    record(case, source, "rmst", "365", rmst(theta))
    record(case, source, "rmst_error", "365", error(rmst))
    record(case, source, "median", "0.5", median_of(theta))
    record(case, source, "median_error", "0.5", error(median_of))
    record(case, source, "hazard", "100", hazard(theta, 100))
  }

## Piecewise exponential: Poisson regression on person-period rows.
breaks <- c(90, 180, 365)
for (entry in c(FALSE, TRUE)) for (weighted in c(FALSE, TRUE)) {
  df <- rows
  if (!entry) df$start <- 0
  long <- survSplit(Surv(start, stop, left) ~ ., df, cut = breaks, episode = "interval",
                    event = "y")
  long$w <- if (weighted) long$weight else 1
  long$exposure <- long$stop - long$start
  model <- glm(y ~ 0 + factor(interval) + treated + age + offset(log(exposure)), poisson, long,
               weights = w, control = glm.control(epsilon = 1e-15, maxit = 100))
  case <- paste("piecewise", if (entry) "entry" else "all", if (weighted) "weights" else "plain")
  source <- "survival::survSplit, stats::glm"
  record(case, source, "estimate", names(coef(model)), coef(model))
  record(case, source, "std_error", names(coef(model)),
         sqrt(diag(summary(model)$cov.unscaled)))
  record(case, source, "loglik", "",
         sum(long$w * (long$y * log(fitted(model) / long$exposure) - fitted(model))))
  b <- coef(model)
  rate <- exp(b[1:4] + sum(b[5:6] * c(1, 50)))
  total <- function(rate, t) sum(rate * pmax(pmin(t, c(breaks, Inf)) - c(0, breaks), 0))
  record(case, source, "survival", c(30, 365, 1000),
         exp(-sapply(c(30, 365, 1000), function(t) total(rate, t))))
  record(case, "stats::uniroot", "median", "0.5",
         uniroot(function(t) total(rate, t) - log(2), c(0, 1e5), tol = 1e-12)$root)
  record(case, "stats::integrate", "rmst", "365", sum(sapply(1:3, function(j)
    integrate(function(t) exp(-sapply(t, function(u) total(rate, u))), c(0, breaks)[j],
              breaks[j], rel.tol = 1e-12)$value)))
}

write.csv(result, file.path(here, "parametric_expected.csv"), row.names = FALSE, quote = 1:4)
