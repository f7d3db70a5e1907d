# Reference values for item analysis, split halves, one-factor models and intraclass correlations.
#
#   Rscript tests/reference/scales/reliability.R
#
# writes reliability_answers.csv (the data sets, long: R's attitude, the table of Shrout and Fleiss
# (1979), a simulated questionnaire with and without missing answers, ratings with a shift) and
# reliability_expected.csv. The column `source` says which function gave the value. Needs the
# packages psych and lavaan (Debian: r-cran-psych, r-cran-lavaan).

suppressMessages({ library(psych); library(lavaan) })
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))

set.seed(20120430)
n <- 150
f <- rnorm(n)
loads <- c(1, 0.8, 0.9, 0.6, 1.1, 0.7)
raw <- sapply(loads, function(l) l * f + rnorm(n))
likert <- as.data.frame(pmin(pmax(round(raw + 3), 1), 5))
names(likert) <- paste0("q", 1:6)
holes <- likert
holes[matrix(runif(n * 6) < 0.08, n)] <- NA
two <- likert[, 1:2]
people <- rnorm(25, 50, 8)
shifted <- as.data.frame(sapply(c(0, 2, 5), function(s) round(people + s + rnorm(25, 0, 4))))
names(shifted) <- c("a", "b", "c")
sf <- as.data.frame(matrix(c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7),
                           6, byrow = TRUE))
names(sf) <- c("a", "b", "c", "d")
sets <- list(attitude = attitude, likert = likert, holes = holes, two = two, shifted = shifted,
             shrout = sf)
long <- do.call(rbind, lapply(names(sets), function(s) {
  d <- sets[[s]]
  data.frame(set = s, row = rep(seq_len(nrow(d)), ncol(d)), item = rep(names(d), each = nrow(d)),
             value = unlist(d, use.names = FALSE))
}))
write.csv(long, file.path(here, "reliability_answers.csv"), row.names = FALSE, quote = FALSE)

rows <- list()
record <- function(set, source, quantity, value, item = "") {
  rows[[length(rows) + 1]] <<- data.frame(set = set, source = source, quantity = quantity,
    item = item, value = sprintf("%.17g", as.numeric(value)))
}
for (s in c("attitude", "likert", "holes")) {
  d <- sets[[s]]
  a <- suppressWarnings(alpha(d, check.keys = FALSE, warnings = FALSE))
  for (q in c("raw_alpha", "std.alpha", "G6(smc)", "average_r"))
    record(s, "psych::alpha", q, a$total[[q]])
  record(s, "psych::alpha", "drop_raw", a$alpha.drop$raw_alpha, names(d))
  record(s, "psych::alpha", "drop_std", a$alpha.drop$std.alpha, names(d))
  record(s, "psych::alpha", "mean", a$item.stats$mean, names(d))
  record(s, "psych::alpha", "sd", a$item.stats$sd, names(d))
  if (s != "holes") {
    record(s, "psych::alpha", "r_drop", a$item.stats$r.drop, names(d))
    for (level in c(0.9, 0.95)) {
      ci <- alpha.ci(a$total$raw_alpha, nrow(d), ncol(d), p.val = 1 - level)
      record(s, "psych::alpha.ci", paste0("feldt_low_", level), ci$lower.ci)
      record(s, "psych::alpha.ci", paste0("feldt_high_", level), ci$upper.ci)
    }
  }
}
# pairwise, by the definition
C <- cov(holes, use = "pairwise")
rest <- sapply(1:6, function(i) (sum(C[i, ]) - C[i, i]) / sqrt(C[i, i] * sum(C[-i, -i])))
record("holes", "stats::cov pairwise", "r_drop", rest, names(holes))
record("two", "2 r / (1 + r)", "spearman_brown", { r <- cor(two)[1, 2]; 2 * r / (1 + r) })

# every split of the items into halves, by the definition
for (s in c("attitude", "likert")) {
  d <- sets[[s]]; k <- ncol(d); size <- k %/% 2
  halves <- combn(k, size)
  if (k %% 2 == 0) halves <- halves[, halves[1, ] == 1]
  got <- apply(halves, 2, function(h) {
    a <- rowSums(d[h]); b <- rowSums(d[-h])
    c(cor(a, b), 2 * cor(a, b) / (1 + cor(a, b)), 4 * cov(a, b) / var(a + b))
  })
  for (i in 1:3) record(s, "stats::cor of all halves", c("half_r", "half_sb", "half_l4")[i],
                        mean(got[i, ]))
  record(s, "stats::cor of all halves", "half_l4_max", max(got[3, ]))
  record(s, "stats::cor of all halves", "half_l4_min", min(got[3, ]))
}
top <- splitHalf(likert, covar = TRUE)
record("likert", "psych::splitHalf", "half_l4_max", top$maxrb)

# lavaan with its own stopping rule
for (s in c("attitude", "likert")) {
  d <- sets[[s]]; v <- names(d)
  model <- paste0("f =~ ", paste0("l", seq_along(v), "*", v, collapse = " + "), "\n",
    paste0(v, " ~~ u", seq_along(v), "*", v, collapse = "\n"), "\nomega := (",
    paste0("l", seq_along(v), collapse = "+"), ")^2 / ((", paste0("l", seq_along(v), collapse = "+"),
    ")^2 + ", paste0("u", seq_along(v), collapse = "+"), ")")
  fit <- cfa(model, d, std.lv = TRUE)
  e <- parameterEstimates(fit)
  z <- standardizedSolution(fit)
  load <- e[e$op == "=~", ]; own <- e[e$op == "~~" & e$lhs != "f", ]; om <- e[e$op == ":=", ]
  record(s, "lavaan::cfa", "loading", load$est, v)
  record(s, "lavaan::cfa", "loading_se", load$se, v)
  record(s, "lavaan::cfa", "uniqueness", own$est, v)
  record(s, "lavaan::cfa", "loading_std", z$est.std[z$op == "=~"], v)
  record(s, "lavaan::cfa", "omega", om$est)
  record(s, "lavaan::cfa", "omega_se", om$se)
  for (q in c("chisq", "df", "pvalue", "cfi", "tli", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper",
              "srmr"))
    record(s, "lavaan::fitMeasures", q, fitMeasures(fit, q))
}

for (s in c("shrout", "shifted", "likert")) {
  for (level in c(0.9, 0.95)) {
    r <- ICC(sets[[s]], lmer = FALSE, alpha = 1 - level)$results
    if (level == 0.95) {
      record(s, "psych::ICC", "icc", r$ICC, r$type)
      record(s, "psych::ICC", "icc_F", r$F, r$type)
      record(s, "psych::ICC", "icc_p", r$p, r$type)
    }
    record(s, "psych::ICC", paste0("icc_low_", level), r$`lower bound`, r$type)
    record(s, "psych::ICC", paste0("icc_high_", level), r$`upper bound`, r$type)
  }
}
write.csv(do.call(rbind, rows), file.path(here, "reliability_expected.csv"), row.names = FALSE,
          quote = FALSE)
