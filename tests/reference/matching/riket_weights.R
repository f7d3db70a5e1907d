# Weights to riket's margins and means, and estimates with them, by the survey package.
#
#   Rscript tests/reference/matching/riket_weights.R
#
# reads riket_people.csv and writes riket_weights_expected.csv: weights of the first ten people and
# their extremes (rake, calibrate by calfun, with and without start weights and bounds), means with
# standard errors (svymean), and Korn and Graubard's intervals of shares (svyciprop, "beta").
# Needs survey (4.1-1).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(survey))
people <- read.csv(file.path(here, "riket_people.csv"), stringsAsFactors = TRUE)
people$one <- 1
out <- list()
add <- function(case, quantity, value)
  out[[length(out) + 1]] <<- data.frame(case = case, quantity = quantity,
    value = sprintf("%.17g", as.numeric(value)))
n <- nrow(people)
sex <- c(m = 0.52, w = 0.48); age <- c(`-39` = 0.3, `40-49` = 0.3, `50-` = 0.4)
tight <- list(maxit = 2000, epsilon = 1e-12)

report <- function(case, design, se = TRUE) {
  w <- weights(design)
  for (i in 1:10) add(case, paste0("weight", i), w[i])
  add(case, "smallest", min(w)); add(case, "largest", max(w)); add(case, "total", sum(w))
  for (v in c("y", "earnings")) {
    m <- svymean(as.formula(paste0("~", v)), design)
    add(case, paste0(v, "_mean"), coef(m))
    if (se) add(case, paste0(v, "_std_error"), SE(m))
  }
  if (se) {
    ci <- confint(svyciprop(~y, design, method = "beta"))
    add(case, "y_low", ci[1]); add(case, "y_high", ci[2])
  }
}

for (start in c("one", "w")) {
  whole <- sum(people[[start]])
  design <- svydesign(ids = ~1, weights = as.formula(paste0("~", start)), data = people)
  margins <- list(data.frame(sex = names(sex), Freq = whole * sex),
                  data.frame(age = names(age), Freq = whole * age))
  report(paste0(start, ", rake"),
    rake(design, list(~sex, ~age), margins, control = tight), se = FALSE)
  totals <- whole * c(`(Intercept)` = 1, sexw = sex[["w"]], `age40-49` = age[["40-49"]],
                      `age50-` = age[["50-"]])
  for (how in list(list("linear", c(-Inf, Inf)), list("raking", c(-Inf, Inf)),
                   list("logit", c(0.3, 3)), list("linear", c(0.4, 3)))) {
    fun <- how[[1]]; bounded <- is.finite(how[[2]][1])
    d <- calibrate(design, ~sex + age, totals, calfun = fun, bounds = how[[2]], maxit = 1000,
                   epsilon = 1e-12)
    report(paste0(start, ", ", fun, if (bounded) paste0(" ", how[[2]][1], " ", how[[2]][2]) else ""),
      d, se = fun == "linear" && !bounded)
  }
  # Means and a standard deviation of a number, and a share: raking on moments.
  moments <- whole * c(`(Intercept)` = 1, years = 46, `I(years^2)` = 46^2 + 8.5^2, sexw = 0.5)
  d <- calibrate(design, ~years + I(years^2) + sex, moments, calfun = "raking", maxit = 5000,
                 epsilon = 1e-12)
  report(paste0(start, ", means"), d, se = FALSE)
}

# Clusters: the plain share, and the share on riket's mix.
people$cell <- interaction(people$sex, people$age)
design <- svydesign(ids = ~site, weights = ~one, data = people)
m <- svymean(~y, design); ci <- confint(svyciprop(~y, design, method = "beta"))
add("clusters, indirect", "y_mean", coef(m)); add("clusters, indirect", "y_std_error", SE(m))
add("clusters, indirect", "y_low", ci[1]); add("clusters, indirect", "y_high", ci[2])
riket <- outer(sex[c("m", "w")], age)
freq <- data.frame(cell = as.vector(outer(rownames(riket), colnames(riket), paste, sep = ".")),
                   Freq = n * as.vector(riket))
d <- postStratify(design, ~cell, freq)
m <- svymean(~y, d); ci <- confint(svyciprop(~y, d, method = "beta"))
add("clusters, direct", "y_mean", coef(m)); add("clusters, direct", "y_std_error", SE(m))
add("clusters, direct", "y_low", ci[1]); add("clusters, direct", "y_high", ci[2])

write.csv(do.call(rbind, out), file.path(here, "riket_weights_expected.csv"), row.names = FALSE,
          quote = TRUE)
