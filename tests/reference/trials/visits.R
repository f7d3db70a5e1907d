# Repeated measurements with gaps: unstructured covariance by nlme::gls (REML), compound symmetry by
# lme4 with Kenward-Roger degrees of freedom and covariance by pbkrtest.
library(nlme)
library(lme4)
library(pbkrtest)

write_exact <- function(x, name) {
  numeric <- vapply(x, is.numeric, TRUE)
  x[numeric] <- lapply(x[numeric], function(v) sprintf("%.17g", v))
  write.csv(x, name, row.names = FALSE, quote = FALSE)
}

set.seed(20)
n <- 44
visits <- c("baseline", "after", "6 months", "12 months")
root <- chol(matrix(c(9, 6, 5, 4, 6, 12, 8, 7, 5, 8, 14, 10, 4, 7, 10, 16), 4))
rows <- list()
for (i in seq_len(n)) {
  arm <- if (i <= 24) "ReDO" else "CAU"
  age <- round(runif(1, 25, 60))
  y <- 18 + 0.05 * (age - 40) + (arm == "ReDO") * c(0, 1.5, 2, 2.2) + as.numeric(rnorm(4) %*% root)
  seen <- runif(4) < c(0.97, 0.9, 0.8, 0.7)
  if (!any(seen)) seen[1] <- TRUE
  rows[[i]] <- data.frame(person = i, arm = arm, age = age, visit = visits, mastery = round(y, 2))[seen, ]
}
data <- do.call(rbind, rows)
data <- data[order(sample(nrow(data))), ]
write.csv(data, "visits_rows.csv", row.names = FALSE, quote = FALSE)
data <- read.csv("visits_rows.csv")

data$visit <- factor(data$visit, visits)
data$time <- as.integer(data$visit)
data$redo <- as.numeric(data$arm == "ReDO")
data <- data[order(data$person, data$time), ]

out <- list()
keep <- function(model, term, estimate, se, df = NA, value = NA) {
  out[[length(out) + 1]] <<- data.frame(model = model, term = term, estimate = estimate,
                                        std_error = se, df = df, value = value)
}

full <- gls(mastery ~ age + visit * redo, data, method = "REML",
            correlation = corSymm(form = ~ time | person), weights = varIdent(form = ~ 1 | visit),
            control = glsControl(msMaxIter = 500, opt = "optim", tolerance = 1e-12,
                                 msTol = 1e-14, returnObject = TRUE))
L <- rbind(c(0, 0, 0, 0, 0, 1, 0, 0, 0), c(0, 0, 0, 0, 0, 1, 1, 0, 0),
           c(0, 0, 0, 0, 0, 1, 0, 1, 0), c(0, 0, 0, 0, 0, 1, 0, 0, 1))
keep("unstructured", visits, as.numeric(L %*% coef(full)), sqrt(diag(L %*% vcov(full) %*% t(L))))
keep("unstructured", "loglik", NA, NA, NA, as.numeric(logLik(full)))

# Arms that share their mean at baseline.
for (k in 2:4) data[[paste0("t", k)]] <- data$redo * (data$time == k)
constrained <- gls(mastery ~ age + visit + t2 + t3 + t4, data, method = "REML",
                   correlation = corSymm(form = ~ time | person),
                   weights = varIdent(form = ~ 1 | visit),
                   control = glsControl(msMaxIter = 500, opt = "optim", tolerance = 1e-12,
                                        msTol = 1e-14, returnObject = TRUE))
keep("constrained", visits[-1], coef(constrained)[c("t2", "t3", "t4")],
     sqrt(diag(vcov(constrained)))[c("t2", "t3", "t4")])
keep("constrained", "loglik", NA, NA, NA, as.numeric(logLik(constrained)))

compound <- lmer(mastery ~ age + visit * redo + (1 | person), data, REML = TRUE,
                 control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10)))
adjusted <- as.matrix(vcovAdj(compound))
beta <- fixef(compound)
for (k in 1:4) {
  l <- L[k, , drop = FALSE]
  test <- KRmodcomp(compound, l)
  keep("compound", visits[k], as.numeric(l %*% beta), sqrt(as.numeric(l %*% adjusted %*% t(l))),
       test$stats$ddf)
}
joint <- KRmodcomp(compound, L)
keep("compound", "joint", joint$stats$Fstat, NA, joint$stats$ddf, joint$stats$F.scaling)
keep("compound", "loglik", NA, NA, NA, as.numeric(logLik(compound)))
write_exact(do.call(rbind, out), "visits_expected.csv")
