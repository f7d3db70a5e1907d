# Balance tables of MatchIt on its lalonde data: as they are, with sampling weights, and under
# matching weights of several methods. What is checked is the table, given the weights; whether
# MatchIt matched well does not matter here.
#   balance_rows.csv      the rows, sampling weights s and the matching weights w_*
#   balance_expected.csv  MatchIt's summaries
suppressMessages(library(MatchIt))
data(lalonde)
people <- lalonde
people$id <- rownames(people)
rownames(people) <- NULL
people$s <- 0.5 + (seq_len(nrow(people)) * 37) %% 100 / 50
form <- treat ~ age + educ + race + married + nodegree + re74 + re75
rows <- list()
add <- function(summary, which, case) {
  table <- as.data.frame(summary)
  rows[[length(rows) + 1]] <<- data.frame(
    case = case, sample = which, name = rownames(table),
    mean_treated = table[["Means Treated"]], mean_control = table[["Means Control"]],
    smd = table[["Std. Mean Diff."]], variance_ratio = table[["Var. Ratio"]],
    ecdf_mean = table[["eCDF Mean"]], ecdf_max = table[["eCDF Max"]])
}
fits <- list(
  cem = matchit(treat ~ age + educ + married, people, method = "cem"),
  exact_ate = matchit(treat ~ race + married + nodegree, people, method = "exact", estimand = "ATE"),
  exact_atc = matchit(treat ~ race + married, people, method = "exact", estimand = "ATC"),
  nearest = matchit(form, people, method = "nearest"),
  surveyed = matchit(form, people, method = "nearest", s.weights = people$s)
)
x <- ~ age + educ + race + married + nodegree + re74 + re75
for (case in names(fits)) {
  fit <- fits[[case]]
  people[[paste0("w_", case)]] <- fit$weights
  found <- summary(fit, addlvariables = x, data = people)
  add(found$sum.all, "all", case)
  add(found$sum.matched, "matched", case)
}
for (name in grep("^w_", names(people), value = TRUE))
  people[[name]] <- formatC(people[[name]], digits = 17, format = "g")
write.csv(people, "balance_rows.csv", row.names = FALSE, quote = FALSE)
out <- do.call(rbind, rows)
out <- out[out$name != "distance", ]
out <- out[!duplicated(out[, c("case", "sample", "name")]), ]
for (k in 4:9) out[[k]] <- trimws(formatC(out[[k]], digits = 17, format = "g"))
write.csv(out, "balance_expected.csv", row.names = FALSE, quote = FALSE)
