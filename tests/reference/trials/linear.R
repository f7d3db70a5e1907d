# Reference values for differences in means, robust variances and several arms.
#
#   Rscript tests/reference/trials/linear.R
#
# reads linear_rows.csv (a simulated trial with three arms, groups in two of them), linear_pairs.csv
# (a simulated paired trial), linear_star.csv (estimatr::alo_star_men, the data of Lin 2013) and
# linear_cars.csv (datasets::mtcars) beside this script and writes linear_expected.csv. Needs
# estimatr (1.0.0), clubSandwich (0.5.8), sandwich (3.0-2), multcomp (1.4-22).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages({
  library(estimatr); library(clubSandwich); library(sandwich); library(multcomp)
})

rows <- read.csv(file.path(here, "linear_rows.csv"), na.strings = "")
rows$arm <- relevel(factor(rows$arm), ref = "kontroll")
rows$office <- factor(rows$office)
rows$education <- factor(rows$education)
two <- droplevels(rows[rows$arm != "samtal", ])
pairs <- read.csv(file.path(here, "linear_pairs.csv"))
star <- read.csv(file.path(here, "linear_star.csv"))
cars <- read.csv(file.path(here, "linear_cars.csv"))
result <- NULL

record <- function(case, source, term, ...) {
  values <- list(...)
  for (quantity in names(values)) {
    result <<- rbind(result, data.frame(case = case, source = source, term = term,
      quantity = quantity, value = sprintf("%.17g", values[[quantity]])))
  }
}

arms <- c("armReDO", "armsamtal")

# Robust variances with their degrees of freedom, by clubSandwich.
club <- function(case, model, cluster, kinds, terms = arms) {
  for (kind in kinds) {
    v <- vcovCR(model, cluster, kind)
    test <- coef_test(model, v, test = "Satterthwaite")
    at <- match(terms, names(coef(model)))
    record(paste(case, kind), "clubSandwich", terms, estimate = test$beta[at],
           std_error = test$SE[at], df = test$df_Satt[at], p_value = test$p_Satt[at])
  }
}
kinds <- c("CR0", "CR1", "CR1S", "CR2", "CR3")
plain <- lm(mastery ~ arm, rows)
ancova <- lm(mastery ~ arm + age + pre + education, rows)
club("plain cluster", plain, rows$cluster, kinds)
club("ancova cluster", ancova, rows$cluster, kinds)
club("ancova site", ancova, rows$site, kinds)
club("ancova alone", ancova, rows$person, c("CR0", "CR2", "CR3"))
centred <- rows
centred$age <- rows$age - mean(rows$age)
centred$pre <- rows$pre - mean(rows$pre)
club("lin cluster", lm(mastery ~ arm * (age + pre), centred), rows$cluster, kinds)
club("lin alone", lm(mastery ~ arm * (age + pre), centred), rows$person, "CR2")
club("strata ancova cluster", lm(mastery ~ arm + office + pre, rows), rows$cluster, "CR2")
times <- rows[rep(seq_len(nrow(rows)), rows$times), ]
club("repeated cluster", lm(mastery ~ arm + pre, times), times$cluster, c("CR0", "CR2", "CR3"))
club("cars cylinders", lm(mpg ~ hp, cars), cars$cyl, kinds, "hp")
club("cars carburettors", lm(mpg ~ hp + wt + am, cars), cars$carb, kinds, c("hp", "wt", "am"))

# Joint tests.
hotelling <- function(case, model, cluster, which) {
  test <- Wald_test(model, constrain_zero(which), vcovCR(model, cluster, "CR2"), test = "HTZ")
  record(case, "clubSandwich", "joint", statistic = test$Fstat, df = test$df_num,
         df_denominator = test$df_denom, p_value = test$p_val)
}
hotelling("hotelling arms", plain, rows$cluster, 2:3)
hotelling("hotelling ancova", ancova, rows$cluster, 2:3)
hotelling("hotelling site", ancova, rows$site, 4:7)
hotelling("interaction office", lm(mastery ~ arm * office, two), two$cluster, 5:6)
hotelling("interaction education", lm(mastery ~ arm * education, two), two$cluster, 5:6)
hotelling("hotelling cars", lm(mpg ~ hp + wt + am, cars), cars$carb, 2:4)

# Rows that stand alone.
for (kind in c("HC0", "HC1", "HC2", "HC3")) {
  record(paste("ancova", kind), "sandwich", arms, estimate = coef(ancova)[arms],
         std_error = sqrt(diag(vcovHC(ancova, type = kind)))[arms])
  record(paste("cars", kind), "sandwich", "hp",
         std_error = sqrt(diag(vcovHC(lm(mpg ~ hp, cars), type = kind)))["hp"])
  if (kind != "HC1") {
    weighted <- lm_robust(mastery ~ arm + pre, rows, weights = weight, se_type = kind)
    record(paste("sampling", kind), "estimatr", arms, estimate = weighted$coefficients[arms],
           std_error = weighted$std.error[arms])
  }
  if (kind != "HC1") {
    lin <- lm_lin(mastery ~ arm, ~ age + pre + education, rows, se_type = kind)
    record(paste("lin", kind), "estimatr", arms, estimate = lin$coefficients[arms],
           std_error = lin$std.error[arms])
  }
}
record("ancova classical", "stats", arms, estimate = coef(ancova)[arms],
       std_error = sqrt(diag(vcov(ancova)))[arms], p_value = coef(summary(ancova))[arms, 4])
robust <- lm_robust(mastery ~ arm + pre, two, clusters = cluster, se_type = "CR2")
record("two cluster", "estimatr", "armReDO", estimate = robust$coefficients["armReDO"],
       std_error = robust$std.error["armReDO"], df = robust$df["armReDO"],
       p_value = robust$p.value["armReDO"], conf_low = robust$conf.low["armReDO"],
       conf_high = robust$conf.high["armReDO"])

# Means.
for (arm in c("ReDO", "samtal")) {
  test <- t.test(rows$mastery[rows$arm == arm], rows$mastery[rows$arm == "kontroll"])
  record("welch", "stats", paste0("arm", arm), estimate = -diff(test$estimate),
         std_error = test$stderr, df = test$parameter, p_value = test$p.value,
         conf_low = test$conf.int[1], conf_high = test$conf.int[2])
}
blocked <- difference_in_means(mastery ~ arm, two, blocks = office)
record("strata", "estimatr", "armReDO", estimate = blocked$coefficients,
       std_error = blocked$std.error)
matched <- difference_in_means(mastery ~ arm, transform(pairs, arm = relevel(factor(arm),
  ref = "kontroll")), blocks = pair)
record("pairs", "estimatr", "armReDO", estimate = matched$coefficients,
       std_error = matched$std.error, df = matched$df, p_value = matched$p.value,
       conf_low = matched$conf.low, conf_high = matched$conf.high)
tested <- t.test(pairs$mastery[pairs$arm == "ReDO"], pairs$mastery[pairs$arm == "kontroll"],
                 paired = TRUE)
record("pairs", "stats", "paired", p_value = tested$p.value)
star_none <- lm_robust(GPA_year1 ~ sfsp, star, se_type = "HC0")
star_same <- lm_robust(GPA_year1 ~ sfsp + gpa0, star, se_type = "HC0")
star_lin <- lm_lin(GPA_year1 ~ sfsp, ~ gpa0, star, se_type = "HC0")
for (one in list(list("star none", star_none), list("star ancova", star_same),
                 list("star lin", star_lin))) {
  record(one[[1]], "estimatr", "sfsp", estimate = one[[2]]$coefficients["sfsp"],
         std_error = one[[2]]$std.error["sfsp"])
}

# Several arms at once. The integrals are by quasi-Monte Carlo, asked for 1e-6; ptukey is exact for
# the arms of equal size.
many <- function(case, model, contrasts) {
  set.seed(1)
  test <- summary(glht(model, linfct = contrasts),
                  test = adjusted("single-step", abseps = 1e-6, maxpts = 2e6))$test
  record(case, "multcomp", names(test$coefficients), estimate = test$coefficients,
         std_error = test$sigma, statistic = test$tstat, p_value = as.numeric(test$pvalues))
}
many("dunnett plain", plain, mcp(arm = "Dunnett"))
many("dunnett ancova", ancova, mcp(arm = "Dunnett"))
many("tukey plain", plain, mcp(arm = "Tukey"))
many("tukey ancova", ancova, mcp(arm = "Tukey"))
stopifnot(length(unique(table(rows$arm))) == 1)
record("tukey equal", "stats", c("0.5", "1.5", "2.9", "5"),
       p_value = ptukey(sqrt(2) * c(0.5, 1.5, 2.9, 5), 3, df.residual(plain), lower.tail = FALSE))
record("tukey equal", "stats", "0.95",
       quantile = qtukey(0.95, 3, df.residual(plain)) / sqrt(2))
six_arms <- transform(cars[cars$carb < 6, ], carb = factor(carb))
six <- lm(mpg ~ carb, six_arms)
many("dunnett cars", six, mcp(carb = "Dunnett"))
many("tukey cars", six, mcp(carb = "Tukey"))

write.csv(result, file.path(here, "linear_expected.csv"), row.names = FALSE)
