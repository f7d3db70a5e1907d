# Reference values for agreement of two measurements, of several coders, and for raked weights.
#
#   Rscript tests/reference/scales/agreement.R
#
# writes agreement_tables.csv (square tables), agreement_codings.csv (codes by three coders),
# agreement_people.csv (respondents), and agreement_expected.csv. The column `source` says what gave
# a value: a function of R, or a formula that the script works out from its definition (the score
# interval by maximising the likelihood under each difference, Fleiss's kappa by going through all
# pairs of coders). Standard errors of weighted kappa are vcd's: those of psych 2.2.9 sum the wrong
# margin of the weights, and differ. Needs psych, survey, epiR and vcd (Debian: r-cran-psych,
# r-cran-survey, r-cran-epir, r-cran-vcd).

suppressPackageStartupMessages({library(psych); library(survey); library(epiR); library(vcd)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
rows <- list()
record <- function(set, source, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(set = set, source = source, quantity = quantity,
    value = sprintf("%.17g", as.numeric(value)))
}

# Square tables: rows are the first measurement, columns the second; the last category is positive.
square <- function(...) matrix(c(...), nrow = sqrt(length(c(...))), byrow = TRUE)
tables <- list(
  report = square(65, 6, 9, 40),
  rare = square(880, 30, 15, 9),
  opposed = square(4, 21, 33, 6),
  empty_cell = square(30, 0, 7, 12),
  codes = square(17, 2, 0, 3, 61, 8, 1, 5, 55),
  grades = square(11, 4, 2, 0, 6, 22, 5, 3, 1, 7, 19, 6, 2, 1, 4, 14)
)
long <- do.call(rbind, lapply(names(tables), function(s) {
  t <- tables[[s]]
  data.frame(set = s, a = c(row(t)), b = c(col(t)), n = c(t))
}))
write.csv(long, file.path(here, "agreement_tables.csv"), row.names = FALSE, quote = FALSE)

far <- function(delta, b, c, n) {
  # distance of (b - c) / n from delta, in score standard errors: p21 maximises the likelihood
  # given p12 = p21 + delta
  loglik <- function(q) {
    part <- function(x, p) if (x == 0) 0 else x * log(p)
    part(b, q + delta) + part(c, q) + part(n - b - c, 1 - 2 * q - delta)
  }
  q <- optimize(loglik, c(max(0, -delta), (1 - delta) / 2), maximum = TRUE, tol = 1e-14)$maximum
  ((b - c) / n - delta) / sqrt((2 * q + delta - delta^2) / n)
}
for (s in names(tables)) {
  t <- tables[[s]]; n <- sum(t); k <- nrow(t)
  weights <- list(none = diag(k), linear = 1 - abs(row(t) - col(t)) / (k - 1),
                  quadratic = 1 - (row(t) - col(t))^2 / (k - 1)^2)
  for (near in names(weights)) {
    if (k == 2 && near != "none") next
    found <- suppressWarnings(cohen.kappa(t, w = weights[[near]]))
    record(s, "psych::cohen.kappa", paste0("kappa_", near), found$weighted.kappa)
    second <- Kappa(t, weights = weights[[near]])
    record(s, "vcd::Kappa", paste0("kappa_", near), second$Weighted[["value"]])
    record(s, "vcd::Kappa", paste0("kappa_se_", near), second$Weighted[["ASE"]])
    if (near != "none") next
    record(s, "psych::cohen.kappa", "kappa_se_none", sqrt(found$var.kappa))
    record(s, "psych::cohen.kappa", "kappa_low_none", found$confid[1, 1])
    record(s, "psych::cohen.kappa", "kappa_high_none", found$confid[1, 3])
  }
  plain <- suppressWarnings(mcnemar.test(t, correct = FALSE))
  record(s, "stats::mcnemar.test", "chi2", plain$statistic)
  record(s, "stats::mcnemar.test", "chi2_p", plain$p.value)
  agree <- prop.test(sum(diag(t)), n, correct = FALSE)
  record(s, "stats::prop.test", "observed", agree$estimate)
  record(s, "stats::prop.test", "observed_low", agree$conf.int[1])
  record(s, "stats::prop.test", "observed_high", agree$conf.int[2])
  record(s, "the formula", "pabak", (k * sum(diag(t)) / n - 1) / (k - 1))
  if (k > 2) next
  corrected <- mcnemar.test(t, correct = TRUE)
  record(s, "stats::mcnemar.test", "chi2_corrected", corrected$statistic)
  record(s, "stats::mcnemar.test", "chi2_corrected_p", corrected$p.value)
  b <- t[2, 1]; c <- t[1, 2]
  record(s, "stats::binom.test", "exact_p", binom.test(b, b + c)$p.value)
  x <- dbinom(0:(b + c), b + c, 0.5)
  lower <- sum(x[0:(b + c) < b]) + x[b + 1] / 2
  record(s, "the formula", "mid_p", 2 * min(lower, 1 - lower))
  tests <- epi.tests(t[2:1, 2:1], method = "wilson")$detail
  for (one in c("se", "sp", "pv.pos", "pv.neg")) {
    values <- tests[tests$statistic == one, ]
    record(s, "epiR::epi.tests", paste0(one, "_est"), values$est)
    record(s, "epiR::epi.tests", paste0(one, "_low"), values$lower)
    record(s, "epiR::epi.tests", paste0(one, "_high"), values$upper)
  }
  pindex <- epi.kappa(t[2:1, 2:1])
  record(s, "epiR::epi.kappa", "prevalence_index", pindex$pindex$est)
  record(s, "epiR::epi.kappa", "bias_index", pindex$bindex$est)
  for (level in c(0.9, 0.95)) {
    z <- qnorm((1 + level) / 2)
    limit <- function(side, ends) uniroot(function(d) far(d, b, c, n) - side * z, ends, tol = 1e-13)$root
    record(s, "likelihood and uniroot", paste0("difference_low_", level),
           limit(1, c(-0.999, (b - c) / n - 1e-9)))
    record(s, "likelihood and uniroot", paste0("difference_high_", level),
           limit(-1, c((b - c) / n + 1e-9, 0.999)))
  }
}

# Three coders of 40 comments, some of which one of them has not coded.
set.seed(20040519)
codes <- c("negative", "neutral", "positive")
own <- sample(3, 40, replace = TRUE, prob = c(0.2, 0.5, 0.3))
coder <- function(wrong) codes[ifelse(runif(40) < wrong, sample(3, 40, replace = TRUE), own)]
complete <- data.frame(first = coder(0.1), second = coder(0.3), third = coder(0.2))
holes <- complete; holes$third[c(2, 9, 31)] <- NA; holes$first[c(9, 17)] <- NA
codings <- list(complete = complete, holes = holes)
write.csv(do.call(rbind, lapply(names(codings), function(s) cbind(set = s, codings[[s]]))),
          file.path(here, "agreement_codings.csv"), row.names = FALSE, quote = FALSE, na = "")
fleiss <- function(data, weight) {
  data <- as.matrix(data)
  enough <- rowSums(!is.na(data)) >= 2
  data <- data[enough, ]; weight <- weight[enough] / sum(weight[enough])
  pairs <- apply(data, 1, function(one) {
    one <- one[!is.na(one)]
    alike <- outer(one, one, "==")
    (sum(alike) - length(one)) / (length(one) * (length(one) - 1))
  })
  shares <- sapply(codes, function(code) rowMeans(data == code, na.rm = TRUE))
  po <- sum(weight * pairs); pe <- sum(colSums(weight * shares)^2)
  c(po, pe, (po - pe) / (1 - pe))
}
for (s in names(codings)) {
  data <- codings[[s]]
  data <- data[rowSums(!is.na(data)) >= 2, ]
  n <- nrow(data); one <- rep(1, n)
  found <- fleiss(data, one)
  for (i in 1:3) record(s, "the definition", c("fleiss_po", "fleiss_pe", "fleiss")[i], found[i])
  moved <- sapply(seq_len(n), function(i) {  # derivative in the weight of each comment
    h <- 1e-4; up <- one; down <- one; up[i] <- 1 + h; down[i] <- 1 - h
    (fleiss(data, up)[3] - fleiss(data, down)[3]) / (2 * h)
  })
  record(s, "numerical derivatives", "fleiss_se", sqrt(n / (n - 1) * sum(moved^2)))
  for (pair in list(c("first", "second"), c("first", "third"), c("second", "third"))) {
    both <- na.omit(data[, pair])
    found <- cohen.kappa(table(factor(both[, 1], codes), factor(both[, 2], codes)))
    record(s, "psych::cohen.kappa", paste0("cohen_", pair[1], "_", pair[2]), found$kappa)
    record(s, "psych::cohen.kappa", paste0("cohen_se_", pair[1], "_", pair[2]), sqrt(found$var.kappa))
  }
}

# Respondents of a survey of 400 people, and what is known of all of them.
n <- 152
people <- data.frame(
  project = sample(c("Nord", "Syd", "Vast", "Ost"), n, replace = TRUE, prob = c(0.4, 0.1, 0.2, 0.3)),
  sex = sample(c("K", "M"), n, replace = TRUE, prob = c(0.75, 0.25)),
  design = round(runif(n, 0.5, 2), 2)
)
people$yes <- rbinom(n, 1, 0.3 + 0.3 * (people$project == "Nord") - 0.1 * (people$sex == "M"))
people$score <- round(30 + 4 * (people$sex == "K") + rnorm(n, 0, 6), 1)
write.csv(people, file.path(here, "agreement_people.csv"), row.names = FALSE, quote = FALSE)
project <- data.frame(project = c("Nord", "Ost", "Syd", "Vast"), Freq = c(100, 110, 120, 70))
sex <- data.frame(sex = c("K", "M"), Freq = c(230, 170))
people$N <- 400
# Answers to one question of those who have answered others: missing by project.
unsaid <- seq_len(n) %% 4 == 0 | (people$project == "Ost" & seq_len(n) %% 2 == 0)
people$yes_partly <- replace(people$yes, unsaid, NA)
people$score_partly <- replace(people$score, unsaid, NA)
tight <- list(maxit = 1000, epsilon = 1e-12, verbose = FALSE)
designs <- list(
  plain = svydesign(ids = ~1, weights = rep(400 / n, n), data = people),
  finite = svydesign(ids = ~1, fpc = ~N, data = people),
  started = svydesign(ids = ~1, weights = ~design, data = people)
)
for (s in names(designs)) {
  raked <- rake(designs[[s]], list(~project, ~sex), list(project, sex), control = tight)
  w <- weights(raked)
  for (i in c(1, 2, 3, 50, 152)) record(s, "survey::rake", paste0("weight_", i), w[i])
  record(s, "the formula", "ess", sum(w)^2 / sum(w^2))
  record(s, "the formula", "largest", max(w) / mean(w))
  known <- c("(Intercept)" = 400, projectOst = 110, projectSyd = 120, projectVast = 70, sexM = 170)
  calibrated <- calibrate(designs[[s]], ~project + sex, population = known, calfun = "raking",
                          maxit = 200, epsilon = 1e-12)
  for (variable in c("yes", "score")) {
    found <- svymean(as.formula(paste0("~", variable)), raked)
    record(s, "survey::svymean after rake", variable, coef(found))
    # After rake(), svymean takes residuals without regard to the weights before raking.
    if (s != "started") record(s, "survey::svymean after rake", paste0(variable, "_se"), SE(found))
    found <- svymean(as.formula(paste0("~", variable)), calibrated)
    record(s, "survey::svymean after calibrate", variable, coef(found))
    record(s, "survey::svymean after calibrate", paste0(variable, "_se"), SE(found))
    if (s != "finite") {
      found <- svymean(as.formula(paste0("~", variable, "_partly")), calibrated, na.rm = TRUE)
      record(s, "survey::svymean after calibrate", paste0(variable, "_partly"), coef(found))
      record(s, "survey::svymean after calibrate", paste0(variable, "_partly_se"), SE(found))
    }
  }
}

# Response rates: Wilson's interval, and the same score interval in a population of N.
for (counts in list(c(54, 75, 90), c(18, 18, 25), c(0, 12, 40), c(310, 320, 330))) {
  x <- counts[1]; n <- counts[2]; N <- counts[3]; s <- paste(counts, collapse = "_")
  wilson <- suppressWarnings(prop.test(x, n, correct = FALSE))$conf.int
  record(s, "stats::prop.test", "rate_low", wilson[1])
  record(s, "stats::prop.test", "rate_high", wilson[2])
  z <- qnorm(0.975)
  score <- function(p) (x / n - p)^2 - z^2 * p * (1 - p) / n * (N - n) / (N - 1)
  if (x > 0) record(s, "uniroot", "finite_low", uniroot(score, c(1e-12, x / n - 1e-10), tol = 1e-15)$root)
  if (x < n) record(s, "uniroot", "finite_high", uniroot(score, c(x / n + 1e-10, 1 - 1e-12), tol = 1e-15)$root)
}
write.csv(do.call(rbind, rows), file.path(here, "agreement_expected.csv"), row.names = FALSE,
          quote = FALSE)
