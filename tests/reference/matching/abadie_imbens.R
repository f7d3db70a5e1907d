# Matching::Match on the 445 men of the randomised part of LaLonde's data, as Matching ships them.
# Run in this folder: Rscript abadie_imbens.R
suppressMessages(library(Matching))
data(lalonde)
columns <- c("treat", "age", "educ", "black", "hisp", "married", "nodegr", "re74", "re75", "re78")
write.csv(lalonde[, columns], "abadie_imbens_rows.csv", row.names = FALSE)
lalonde <- read.csv("abadie_imbens_rows.csv")
x <- as.matrix(lalonde[, columns[2:9]])
rows <- list()
for (estimand in c("ATT", "ATE", "ATC")) for (weight in 1:2) for (m in c(1, 3))
  for (adjusted in c(FALSE, TRUE)) for (neighbours in 0:2) {
    fit <- Match(Y = lalonde$re78, Tr = lalonde$treat, X = x, Z = x, estimand = estimand,
                 Weight = weight, M = m, BiasAdjust = adjusted, Var.calc = neighbours)
    rows[[length(rows) + 1]] <- data.frame(
      estimand, distance = c("inverse_variance", "mahalanobis")[weight], m, adjusted, neighbours,
      estimate = sprintf("%.17g", fit$est), std_error = sprintf("%.17g", fit$se))
  }
write.csv(do.call(rbind, rows), "abadie_imbens_expected.csv", row.names = FALSE, quote = FALSE)
