# Two-stage least squares, and the tests that Anderson-Rubin sets invert.
#
#   Rscript tests/reference/trials/adherence.R
#
# reads adherence_rows.csv and writes adherence_expected.csv: estimatr::iv_robust by kind of
# variance ("stata" with clusters is CR1S), AER::ivreg, and t statistics with degrees of freedom of
# the assignment's effect on y - delta * received (clubSandwich; HC2 is CR2 of rows alone). Needs
# estimatr (1.0.0), AER (1.2-10) and clubSandwich (0.5.8).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({library(estimatr); library(AER); library(clubSandwich)})
rows <- read.csv(file.path(here, "adherence_rows.csv"))
out <- list()
add <- function(set, covariates, what, kind, quantity, value)
  out[[length(out) + 1]] <<- data.frame(set = set, covariates = covariates, what = what,
    kind = kind, quantity = quantity, value = sprintf("%.17g", as.numeric(value)))

for (set in unique(rows$set)) for (covariates in c("", "+ x")) {
  d <- rows[rows$set == set, ]
  d$z <- as.numeric(d$arm == "ReDO")
  for (what in c("received", "sessions")) {
    f <- as.formula(paste("y ~", what, covariates, "| z", covariates))
    m <- ivreg(f, data = d)
    add(set, covariates, what, "AER", "estimate", coef(m)[what])
    add(set, covariates, what, "AER", "std_error", sqrt(vcov(m)[what, what]))
    for (kind in c("classical", "HC0", "HC1", "HC2")) {
      m <- iv_robust(f, data = d, se_type = kind)
      add(set, covariates, what, kind, "estimate", m$coefficients[what])
      add(set, covariates, what, kind, "std_error", m$std.error[what])
      if (kind != "HC2") add(set, covariates, what, kind, "df", m$df[what])
    }
    for (kind in c("CR0", "stata", "CR2")) {
      m <- iv_robust(f, data = d, clusters = cluster, se_type = kind)
      add(set, covariates, what, kind, "estimate", m$coefficients[what])
      add(set, covariates, what, kind, "std_error", m$std.error[what])
      add(set, covariates, what, kind, "df", m$df[what])
    }
  }
  for (kind in c("HC2", "CR2")) for (delta in c(-3, -0.5, 0, 0.4, 1, 2.5)) {
    d$shifted <- d$y - delta * d$received
    l <- lm(as.formula(paste("shifted ~ z", covariates)), d)
    together <- if (kind == "HC2") seq_len(nrow(d)) else d$cluster
    t <- coef_test(l, vcov = "CR2", cluster = together, test = "Satterthwaite")["z", ]
    add(set, covariates, "received", kind, paste0("t at ", delta), t$tstat)
    add(set, covariates, "received", kind, paste0("df at ", delta), t$df_Satt)
  }
  for (kind in c("HC2", "CR2")) {
    l <- lm(as.formula(paste("y ~ received", covariates)), d)
    together <- if (kind == "HC2") seq_len(nrow(d)) else d$cluster
    t <- coef_test(l, vcov = "CR2", cluster = together, test = "Satterthwaite")["received", ]
    add(set, covariates, "as_treated", kind, "estimate", t$beta)
    add(set, covariates, "as_treated", kind, "std_error", t$SE)
    add(set, covariates, "as_treated", kind, "df", t$df_Satt)
  }
}
write.csv(do.call(rbind, out), file.path(here, "adherence_expected.csv"), row.names = FALSE)
