# Partially nested mixed models, and CR2 beside them.
#
#   Rscript tests/reference/trials/nested.R
#
# reads nested_rows.csv and writes nested_expected.csv. The heteroscedastic model is fitted by
# nlme::lme with varIdent, and by lme4::lmer with an effect for each person of the arm that varies
# more, from which lmerTest and pbkrtest give degrees of freedom. On the boundary the model is
# nlme::gls. Needs nlme (3.1-162), lme4 (1.1-31), lmerTest (3.1-3), pbkrtest (0.5.2) and
# clubSandwich (0.5.8).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({
  library(nlme); library(lme4); library(lmerTest); library(pbkrtest); library(clubSandwich)
})
rows <- read.csv(file.path(here, "nested_rows.csv"), na.strings = "")
out <- list()
add <- function(set, covariates, fit, quantity, value)
  out[[length(out) + 1]] <<- data.frame(set = set, covariates = covariates, fit = fit,
    quantity = quantity, value = sprintf("%.17g", as.numeric(value)))

quiet <- lmerControl(check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore",
  check.nobs.vs.rankZ = "ignore", optimizer = "bobyqa", calc.derivs = FALSE,
  optCtrl = list(rhobeg = 0.2, rhoend = 1e-12, maxfun = 1e5))

of_lmer <- function(set, covariates, name, random, d) {
  f <- as.formula(paste("y ~ treated", covariates, random))
  m <- lmerTest::lmer(f, d, control = quiet)
  t <- coef(summary(m))["treated", ]
  add(set, covariates, name, "estimate", t["Estimate"])
  add(set, covariates, name, "std_error", t["Std. Error"])
  add(set, covariates, name, "minus_2_log_reml", -2 * logLik(m))
  v <- as.data.frame(VarCorr(m))
  add(set, covariates, name, "between", v$vcov[v$grp == "gid"])
  if (!isSingular(m)) {
    add(set, covariates, name, "df_satterthwaite", t["df"])
    k <- coef(summary(m, ddf = "Kenward-Roger"))["treated", ]
    add(set, covariates, name, "std_error_kenward_roger", k["Std. Error"])
    add(set, covariates, name, "df_kenward_roger", k["df"])
  }
  if ("leader" %in% v$grp) add(set, covariates, name, "leader", v$vcov[v$grp == "leader"])
}

for (set in unique(rows$set)) for (covariates in c("", "+ x + site")) {
  d <- rows[rows$set == set, ]
  d$id <- factor(d$id)
  d$treated <- as.numeric(d$arm == "ReDO")
  d$control <- 1 - d$treated
  d$gid <- factor(ifelse(is.na(d$group), paste0("alone", d$id), d$group))
  d$leader <- factor(ifelse(is.na(d$leader), paste0("none", d$id), d$leader))
  fixed <- as.formula(paste("y ~ treated", covariates))

  l <- lm(fixed, d)
  together <- if (set == "leaders") d$leader else d$gid  # groups that share a leader are one
  r <- coef_test(l, vcov = "CR2", cluster = together, test = "Satterthwaite")["treated", ]
  add(set, covariates, "cr2", "estimate", r$beta)
  add(set, covariates, "cr2", "std_error", r$SE)
  add(set, covariates, "cr2", "df", r$df_Satt)

  if (set == "leaders") {
    # An unknown leader is a leader of one's own only among controls and never-starters, who all
    # lack the effect: it is multiplied by being in a group.
    d$ingroup <- as.numeric(!is.na(d$group))
    of_lmer(set, covariates, "lmer by arm",
            "+ (0 + treated | gid) + (0 + ingroup | leader) + (0 + control | id)", d)
    next
  }
  if (set == "boundary") {
    m <- gls(fixed, d, weights = varIdent(form = ~ 1 | arm), method = "REML",
             control = glsControl(msTol = 1e-14, tolerance = 1e-14))
    add(set, covariates, "gls", "estimate", coef(m)["treated"])
    add(set, covariates, "gls", "std_error", sqrt(vcov(m)["treated", "treated"]))
    add(set, covariates, "gls", "minus_2_log_reml", -2 * logLik(m))
    add(set, covariates, "gls", "residual_control",
        (m$sigma * coef(m$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)["CAU"])^2)
    add(set, covariates, "gls", "residual_arm",
        (m$sigma * coef(m$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)["ReDO"])^2)
  } else {
    m <- lme(fixed, d, random = ~ 0 + treated | gid, weights = varIdent(form = ~ 1 | arm),
             method = "REML", control = lmeControl(opt = "optim", msTol = 1e-14, tolerance = 1e-12,
                                                   reltol = 1e-15, msMaxIter = 5000))
    multiple <- coef(m$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)
    add(set, covariates, "lme", "estimate", fixef(m)["treated"])
    add(set, covariates, "lme", "std_error", sqrt(vcov(m)["treated", "treated"]))
    add(set, covariates, "lme", "minus_2_log_reml", -2 * logLik(m))
    add(set, covariates, "lme", "between", as.matrix(m$modelStruct$reStruct$gid) * m$sigma^2)
    add(set, covariates, "lme", "residual_control", (m$sigma * multiple["CAU"])^2)
    add(set, covariates, "lme", "residual_arm", (m$sigma * multiple["ReDO"])^2)
    more <- if (multiple["CAU"] > multiple["ReDO"]) "control" else "treated"
    of_lmer(set, covariates, "lmer by arm",
            paste0("+ (0 + treated | gid) + (0 + ", more, " | id)"), d)
  }
  of_lmer(set, covariates, "lmer common", "+ (0 + treated | gid)", d)
}
write.csv(do.call(rbind, out), file.path(here, "nested_expected.csv"), row.names = FALSE)
