# Matching by MatchIt and Matching: who is matched with whom, weights of strata, scores, distances.
#
#   Rscript tests/reference/matching/matched.R
#
# writes matched_lalonde.csv (MatchIt's lalonde data, 614 rows) and matched_people.csv (400 people
# drawn here, no two scores alike), matched_pairs.csv (rows, from 0, of the treated and the control
# of every pair) and matched_expected.csv (numbers, one for each row or coefficient).
#
# Debian's MatchIt 4.5.1 takes distances on a vector of scores for whole numbers (fixed in 4.5.4).
# Nearest matching on a score is therefore given the table of distances, rows sorted by falling
# score, and calipers in the score's own units. Needs MatchIt (4.5.1), Matching (4.10-8) and
# sandwich.

suppressPackageStartupMessages({ library(MatchIt); library(Matching, warn.conflicts = FALSE)
                             library(sandwich) })
data(lalonde, package = "MatchIt")
rownames(lalonde) <- NULL
set.seed(6)
n <- 400
region <- sample(c("A", "B", "C"), n, TRUE)
woman <- rbinom(n, 1, 0.6)
age <- round(rnorm(n, 45, 9), 3)
days <- round(rexp(n, 1 / 120), 3)
income <- round(rnorm(n, 25, 6), 4)
p <- plogis(-1 + 0.03 * (age - 45) + 0.003 * (days - 120) - 0.05 * (income - 25) + 0.4 * woman)
people <- data.frame(took = rbinom(n, 1, p), region, woman, age, days, income)
write.csv(lalonde, "matched_lalonde.csv", row.names = FALSE)
write.csv(people, "matched_people.csv", row.names = FALSE)

pairs <- list(); numbers <- list()
keep_pairs <- function(case, treated, control)
  pairs[[length(pairs) + 1]] <<- data.frame(case = case, treated = treated - 1, control = control - 1)
keep <- function(case, row, value)
  numbers[[length(numbers) + 1]] <<- data.frame(case = case, row = row, value = sprintf("%.17g", as.numeric(value)))

form <- took ~ age + days + income + woman
score <- function(data, formula, link = "logit") predict(glm(formula, binomial(link), data), type = "response")
ps <- score(people, form)

# Pairs by a table of distances: MatchIt's rows are those of the sorted data.
by_table <- function(case, data, treatment, s, ..., larger_first = TRUE, distances = NULL) {
  o <- if (larger_first) order(-s) else seq_along(s)
  sorted <- data[o, ]; rownames(sorted) <- NULL
  t <- which(sorted[[treatment]] == 1); c <- which(sorted[[treatment]] == 0)
  d <- if (is.null(distances)) abs(outer(s[o][t], s[o][c], "-")) else distances[o[t], o[c]]
  dimnames(d) <- list(t, c)
  fit <- suppressWarnings(matchit(as.formula(paste(treatment, "~ 1")), sorted, method = "nearest",
                                  distance = d, m.order = "data", ...))
  m <- fit$match.matrix
  for (k in seq_len(ncol(m))) {
    got <- !is.na(m[, k])
    keep_pairs(case, o[as.integer(rownames(m)[got])], o[as.integer(m[got, k])])
  }
}
sds <- sd(ps)
by_table("people_1", people, "took", ps)
by_table("people_caliper_20", people, "took", ps, caliper = 0.2 * sds, std.caliper = FALSE)
by_table("people_caliper_05", people, "took", ps, caliper = 0.05 * sds, std.caliper = FALSE)
by_table("people_ratio_2", people, "took", ps, ratio = 2)
by_table("people_ratio_2_caliper", people, "took", ps, ratio = 2, caliper = 0.1 * sds, std.caliper = FALSE)
by_table("people_exact", people, "took", ps, exact = ~ region)
by_table("people_exact_caliper", people, "took", ps, exact = ~ region + woman, caliper = 0.2 * sds, std.caliper = FALSE)
by_table("people_replace", people, "took", ps, replace = TRUE)
by_table("people_replace_caliper", people, "took", ps, replace = TRUE, caliper = 0.05 * sds, std.caliper = FALSE)
by_table("people_antiexact", people, "took", ps, antiexact = ~ region)
eta <- qlogis(ps)
by_table("people_linear", people, "took", eta, caliper = 0.1 * sd(eta), std.caliper = FALSE)
# Rosenbaum's robust distance in base R: MatchIt 4.5.1's robust_mahalanobis_dist stops with an error.
robust <- function() {
  x <- sapply(people[c("age", "days", "income", "woman")], rank)
  v <- cov(x); f <- sqrt(var(seq_len(n)) / diag(v)); v <- v * outer(f, f)
  t <- x[people$took == 1, ]; c <- x[people$took == 0, ]
  sqrt(t(apply(t, 1, function(one) mahalanobis(c, one, v))))
}
full <- function(d) {
  whole <- matrix(NA_real_, n, n); whole[people$took == 1, people$took == 0] <- d; whole
}
by_table("people_mahalanobis", people, "took", ps, larger_first = FALSE, distances = full(mahalanobis_dist(form, people)))
by_table("people_mahalanobis_exact", people, "took", ps, larger_first = FALSE, exact = ~ region,
         distances = full(mahalanobis_dist(form, people)))
by_table("people_robust", people, "took", ps, larger_first = FALSE, distances = full(robust()))
lps <- score(lalonde, treat ~ age + educ + race + married + nodegree + re74 + re75)
by_table("lalonde_1", lalonde, "treat", lps)
by_table("lalonde_caliper_20", lalonde, "treat", lps, caliper = 0.2 * sd(lps), std.caliper = FALSE)
by_table("lalonde_caliper_10", lalonde, "treat", lps, caliper = 0.1 * sd(lps), std.caliper = FALSE)

# The same from Matching, which matches in the order of the rows, and by default takes distances that
# differ by 1e-5 for the same.
by_matching <- function(case, ...) {
  found <- Match(Tr = people$took, X = ps, ties = FALSE, distance.tolerance = 0, ...)
  keep_pairs(case, found$index.treated, found$index.control)
}
by_matching("matching_replace_1", M = 1)
by_matching("matching_replace_3", M = 3)
by_matching("matching_replace_caliper", M = 1, caliper = 0.05)
by_matching("matching_data_order", M = 1, replace = FALSE)
by_matching("matching_data_order_caliper", M = 1, replace = FALSE, caliper = 0.1)

# Distances themselves, weights of strata, coefficients.
rows <- seq_len(nrow(lalonde)) - 1
d1 <- mahalanobis_dist(form, people); keep("distance_mahalanobis", 0:119, c(t(d1[1:10, 1:12])))
d2 <- robust(); keep("distance_robust", 0:119, c(t(d2[1:10, 1:12])))
for (estimand in c("ATT", "ATC", "ATE")) {
  strata <- function(case, formula, ...) {
    fit <- suppressWarnings(matchit(formula, lalonde, estimand = estimand, ...))
    keep(paste(case, estimand, sep = "_"), rows, fit$weights)
  }
  strata("exact", treat ~ race + married + nodegree, method = "exact")
  strata("cem", treat ~ age + educ + race + re74, method = "cem")
  strata("cem_cut", treat ~ age + educ + race + married, method = "cem",
         cutpoints = list(age = 4, educ = c(8.5, 11.5)))
}
subs <- function(case, ...) {
  fit <- matchit(treat ~ age + educ + race + married + nodegree + re74 + re75, lalonde,
                 method = "subclass", min.n = 0, ...)
  keep(case, rows, fit$weights)
}
subs("subclass_5_ATT", subclass = 5)
subs("subclass_8_ATT", subclass = 8)
subs("subclass_4_ATC", subclass = 4, estimand = "ATC")
subs("subclass_3_ATE", subclass = 3, estimand = "ATE")
for (link in c("logit", "probit", "cloglog")) {
  fit <- glm(form, binomial(link), people, control = glm.control(1e-14, 100))
  keep(paste0("coefficients_", link), 0:4, coef(fit))
}

# Effects and their standard errors by pair or stratum: a difference of incomes (people) or of re78.
clustered <- function(case, y, treated, weights, cluster) {
  fit <- lm(y ~ treated, weights = weights)
  keep(paste0("effect_", case), 0:1, c(coef(fit)[2], sqrt(vcovCL(fit, cluster, type = "HC1")[2, 2])))
}
all_pairs <- do.call(rbind, pairs)
for (case in c("people_1", "people_caliper_05", "people_ratio_2", "people_ratio_2_caliper")) {
  some <- all_pairs[all_pairs$case == case, ]
  one <- unique(some$treated)
  rows_of <- c(one, some$control) + 1
  clustered(case, people$income[rows_of], people$took[rows_of],
            c(rep(1, length(one)), 1 / table(some$treated)[as.character(some$treated)]),
            c(one, some$treated))
}
strata <- matchit(treat ~ race + married + nodegree, lalonde, method = "exact")
inside <- strata$weights > 0
clustered("exact", lalonde$re78[inside], lalonde$treat[inside], strata$weights[inside],
          strata$subclass[inside])
write.csv(do.call(rbind, pairs), "matched_pairs.csv", row.names = FALSE)
write.csv(do.call(rbind, numbers), "matched_expected.csv", row.names = FALSE, quote = FALSE)
