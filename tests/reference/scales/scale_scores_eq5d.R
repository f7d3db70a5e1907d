# Index values of EQ-5D by the Swedish value sets.
#
#   Rscript tests/reference/scales/scale_scores_eq5d.R
#
# reads scale_scores_eq5d_states.csv (every state of the 3L form, every seventh of the 5L form) and
# writes scale_scores_eq5d_expected.csv. Needs eq5d (0.16.3, from CRAN); its coefficients are its
# own. Its 5L sets of 2020 and 2022 are called Sweden_2020 and Sweden_2022.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(eq5d))

states <- read.csv(file.path(here, "scale_scores_eq5d_states.csv"))
rows <- list()
record <- function(version, type, country, name) {
  chosen <- states[states$version == version, ]
  value <- apply(chosen[, c("MO", "SC", "UA", "PD", "AD")], 1, function(state) {
    eq5d(scores = unlist(state), version = version, type = type, country = country, digits = 12)
  })
  rows[[length(rows) + 1]] <<- data.frame(version = version, value_set = name,
                                          state = chosen$state, index = sprintf("%.17g", value))
}
record("3L", "TTO", "Sweden", "Sweden 2014")
record("5L", "VT", "Sweden_2020", "Sweden 2020")
record("5L", "VT", "Sweden_2022", "Sweden 2022")
write.csv(do.call(rbind, rows), file.path(here, "scale_scores_eq5d_expected.csv"),
          row.names = FALSE, quote = FALSE)
