# Missing outcomes: Rubin's rules, imputation models, conditional means by reference-based rules and
# their jackknife, weights for those seen, bounds by trimming, tests of attrition.
#
#   Rscript tests/reference/trials/missing_outcomes.R
#
# reads missing_trial.csv and missing_pool_cases.csv (drawn once), and writes missing_nhanes.csv (the
# data nhanes of the package mice, imputed by it), missing_pool_expected.csv and
# missing_expected.csv.
#
# "pool" is mice::pool.scalar, "nhanes" is mice::pool of lm. "logit" is glm and "cumulative" is
# ordinal::clm, with the pseudo-observations added as rows with weights. "mean" sets missing outcomes to
# their conditional means from lm by arm and analyses by lm; marginal means of the second visit put
# the marginal mean of the first into its regression; "jackknife" leaves out each person in turn.
# "known" is survey::svyglm; "estimated" stacks the score equations of glm and of the weighted
# regression, with derivatives by central differences. "lee" replicates each outcome as often as
# the other arm has persons, so that a whole number of them is trimmed, with Lee's (2009) variance
# (n in denominators); "lee_effect" is the interval of Imbens and Manski, by uniroot. "attrition"
# is chisq.test, and clubSandwich::Wald_test of lm. Needs mice, ordinal, survey, clubSandwich.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({
  library(mice); library(ordinal); library(survey); library(clubSandwich)
})
rows <- list()
record <- function(case, quantity, value, term = seq_along(value)) {
  rows[[length(rows) + 1]] <<- data.frame(case = case, quantity = quantity, term = term,
                                          value = sprintf("%.17g", value))
}
d <- read.csv(file.path(here, "missing_trial.csv"))
d$t <- as.numeric(d$arm == "ReDO")

# Rubin's rules
cases <- read.csv(file.path(here, "missing_pool_cases.csv"))
pooled <- do.call(rbind, lapply(split(cases, cases$case), function(one) {
  p <- pool.scalar(one$estimate, one$variance, n = one$df_complete[1] + 1, k = 1)
  data.frame(case = one$case[1], estimate = p$qbar, within = p$ubar, between = p$b, total = p$t,
             df = p$df, relative_increase = p$r, missing_information = p$fmi)
}))
pooled[] <- lapply(pooled, function(v) sprintf("%.17g", v))
write.csv(pooled, file.path(here, "missing_pool_expected.csv"), row.names = FALSE, quote = FALSE)
imputed <- mice(nhanes, m = 8, seed = 1, printFlag = FALSE)
write.csv(complete(imputed, "long"), file.path(here, "missing_nhanes.csv"), row.names = FALSE,
          quote = FALSE)
s <- summary(pool(with(imputed, lm(chl ~ bmi + age))), type = "all", conf.int = TRUE)
for (name in c("estimate", "std.error", "df", "riv", "fmi", "2.5 %", "97.5 %")) {
  record("nhanes", name, s[[name]])
}

# logit models with pseudo-observations
augmented <- function(x, y, levels) {
  x <- as.matrix(x)
  centre <- colMeans(x)
  scale <- sqrt(colMeans(sweep(x, 2, centre)^2))
  z <- sweep(sweep(x, 2, centre), 2, scale, "/")
  p <- ncol(z)
  points <- rbind(diag(0.5, p), diag(-0.5, p))
  every <- points[rep(seq_len(nrow(points)), each = length(levels)), , drop = FALSE]
  w <- c(rep(1, nrow(z)), rep((p + 1) / nrow(every), nrow(every)))
  colnames(z) <- colnames(every) <- paste0("z", seq_len(p))
  list(data = data.frame(rbind(z, every), y = c(y, rep(levels, nrow(points))), w = w),
       centre = centre, scale = scale)
}
seen <- subset(d, !is.na(b))
add <- augmented(seen[, c("x", "t")], seen$b, 0:1)
fit <- suppressWarnings(glm(y ~ z1 + z2, binomial, add$data, weights = w, epsilon = 1e-14))
record("logit", "parameters", c(-coef(fit)[1], coef(fit)[-1]))
sign <- diag(c(-1, 1, 1))
record("logit", "variance", as.vector(sign %*% vcov(fit) %*% sign))
add <- augmented(seen[, c("x", "t")], seen$o, 1:4)
add$data$y <- factor(add$data$y)
fit <- clm(y ~ z1 + z2, data = add$data, weights = w,
           control = clm.control(gradTol = 1e-12, maxIter = 200L))
record("cumulative", "parameters", c(fit$alpha, fit$beta))
record("cumulative", "variance", as.vector(vcov(fit)))

# conditional means
effect_of <- function(data, rule, delta = 0) {
  arm <- function(a) data[data$t == a, ]
  first <- lapply(0:1, function(a) lm(y1 ~ x + site, arm(a)))
  second <- lapply(0:1, function(a) lm(y2 ~ x + site + y1, arm(a)))
  mu1 <- lapply(first, predict, newdata = data)
  mu2 <- lapply(1:2, function(a) predict(second[[a]], transform(data, y1 = mu1[[a]])))
  w <- coef(second[[1]])["y1"]
  y <- data$y2
  for (i in which(is.na(y))) {
    a <- data$t[i] + 1
    source <- if (rule == "mar") a else 1
    if (is.na(data$y1[i])) {
      value <- mu2[[source]][i]
    } else if (rule %in% c("mar", "copy reference")) {
      value <- predict(second[[source]], data[i, ])
    } else {
      value <- mu2[[1]][i] + w * (data$y1[i] - mu1[[a]][i])
      if (rule == "copy increments") value <- value + mu1[[a]][i] - mu1[[1]][i]
    }
    y[i] <- value + delta * data$t[i]
  }
  unname(coef(lm(y ~ t + x + site, data))["t"])
}
jackknife <- function(units, estimate) {
  left <- sapply(unique(units), function(u) estimate(d[units != u, ]))
  sqrt((length(left) - 1) / length(left) * sum((left - mean(left))^2))
}
for (rule in c("mar", "jump to reference", "copy increments", "copy reference")) {
  record("mean", rule, effect_of(d, rule))
  record("mean_shifted", rule, effect_of(d, rule, -1.5))
  record("jackknife", rule, jackknife(d$id, function(part) effect_of(part, rule)))
}
units <- ifelse(is.na(d$g), d$id + 1000, d$g)
record("jackknife_clusters", "copy increments",
       jackknife(units, function(part) effect_of(part, "copy increments")))
risk <- function(data) {
  from <- subset(data, t == 0 & !is.na(b))
  add <- augmented(from[, "x", drop = FALSE], from$b, 0:1)
  fit <- suppressWarnings(glm(y ~ z1, binomial, add$data, weights = w, epsilon = 1e-14))
  gone <- is.na(data$b)
  data$b[gone] <- plogis(coef(fit)[1] + coef(fit)[2] * (data$x[gone] - add$centre) / add$scale)
  unname(coef(lm(b ~ t + x, data))["t"])
}
record("mean", "binary jump to reference", risk(d))
record("jackknife", "binary jump to reference", jackknife(d$id, risk))

# weights
d$r <- as.numeric(!is.na(d$y2))
d$w <- NA
for (a in 0:1) {
  mine <- d$t == a
  fit <- glm(r ~ x + site, binomial, d[mine, ], epsilon = 1e-14)
  d$w[mine] <- mean(d$r[mine]) / fitted(fit)
}
d$unit <- units
one <- subset(d, r == 1)
known <- function(case, formula, ids) {
  fit <- svyglm(formula, svydesign(ids, weights = ~w, data = one))
  s <- coef(summary(fit))
  record(case, "known", c(s["t", 1:4], fit$df.residual))
}
known("weights", y2 ~ t, ~1)
known("weights_adjusted", y2 ~ t + x, ~1)
known("weights_clusters", y2 ~ t, ~unit)
record("weights", "weight", one$w, term = one$id)
z <- model.matrix(~ x + site, d)
z <- cbind(z * (d$t == 0), z * (d$t == 1))
stacked <- function(x, units) {
  y <- ifelse(d$r == 1, d$y2, 0)
  start <- c(unlist(lapply(0:1, function(a) {
    coef(glm(r ~ x + site, binomial, d[d$t == a, ], epsilon = 1e-14))
  })), coef(lm(y2 ~ x - 1, list(y2 = y, x = x), weights = ifelse(d$r == 1, d$w, 0))))
  q <- ncol(z)
  share <- ave(d$r, d$t)
  psi <- function(theta) {
    p <- plogis(as.vector(z %*% theta[1:q]))
    e <- y - as.vector(x %*% theta[-(1:q)])
    cbind(z * (d$r - p), x * (d$r * share / p * e))
  }
  h <- 1e-5 * pmax(abs(start), 1e-2)
  slope <- sapply(seq_along(start), function(j) {
    step <- replace(numeric(length(start)), j, h[j])
    colSums(psi(start + step) - psi(start - step)) / (2 * h[j])
  })
  influence <- rowsum(psi(start) %*% t(solve(slope)), units)
  g <- nrow(influence)
  c(start[q + 2], sqrt(g / (g - 1) * sum(influence[, q + 2]^2)))
}
record("weights", "estimated", stacked(cbind(1, d$t), d$id))
record("weights_adjusted", "estimated", stacked(cbind(1, d$t, d$x - mean(d$x)), d$id))
record("weights_clusters", "estimated", stacked(cbind(1, d$t), units))

# bounds
lee <- function(data) {
  n <- tapply(data$whole, data$t, length)
  o <- tapply(!is.na(data$whole), data$t, sum)
  high <- if (o[2] / n[2] >= o[1] / n[1]) 2 else 1
  low <- 3 - high
  ya <- sort(data$whole[data$t == high - 1 & !is.na(data$whole)])
  yb <- data$whole[data$t == low - 1 & !is.na(data$whole)]
  s <- (o[low] / n[low]) / (o[high] / n[high])
  many <- rep(ya, each = n[low])
  keep <- o[low] * n[high]
  pop <- function(v) mean((v - mean(v))^2)
  side <- function(kept) {
    m <- mean(kept)
    edge <- if (max(kept) < max(many)) max(kept) else min(kept)
    rate <- (1 - o[low] / n[low]) / o[low] + (1 - o[high] / n[high]) / o[high]
    v <- (pop(kept) + (edge - m)^2 * (1 - s)) / (s * o[high]) + (edge - m)^2 * rate +
      pop(yb) / o[low]
    c(m - mean(yb), sqrt(v))
  }
  least <- side(many[seq_len(keep)])
  most <- side(rev(many)[seq_len(keep)])
  sign <- if (high == 2) 1 else -1
  if (high == 1) { swap <- least; least <- most; most <- swap }
  list(bounds = sign * c(least[1], most[1]), se = c(least[2], most[2]), trimmed = 1 - s,
       always = sum(n) * o[low] / n[low], trims = high - 1)
}
all <- lee(d)
record("lee", "bounds", all$bounds)
record("lee", "std_error", all$se)
record("lee", "trimmed", all$trimmed)
gap <- diff(all$bounds) / max(all$se)
c95 <- uniroot(function(c) pnorm(c + gap) - pnorm(-c) - 0.95, c(0, 3), tol = 1e-14)$root
record("lee", "effect", all$bounds + c(-1, 1) * c95 * all$se)
half <- list(lee(subset(d, x < 20)), lee(subset(d, x >= 20)))
stopifnot(half[[1]]$trims == half[[2]]$trims)
always <- sapply(half, `[[`, "always")  # seen in either arm, whatever the arms' sizes in a half
record("lee_strata", "bounds", colSums(t(sapply(half, `[[`, "bounds")) * always) / sum(always))

# attrition
table2 <- table(d$t, is.na(d$y2))
stat <- unname(chisq.test(table2, correct = FALSE)$statistic) * (nrow(d) - 1) / nrow(d)
record("attrition", "score", c(stat, pchisq(stat, 1, lower.tail = FALSE)))
d$gone <- as.numeric(is.na(d$y2))
d$c1 <- d$x - mean(d$x)
fit <- lm(gone ~ c1 + t + t:c1, d)
for (case in c("attrition_hc2", "attrition_cr2")) {
  test <- Wald_test(fit, constrain_zero(3:4), vcov = "CR2",
                    cluster = if (case == "attrition_hc2") d$id else units, test = "HTZ")
  record(case, "test", c(test$Fstat, test$df_num, test$df_denom, test$p_val))
}
write.csv(do.call(rbind, rows), file.path(here, "missing_expected.csv"), row.names = FALSE,
          quote = FALSE)
