# Scores of instruments by psych::scoreFast, and of RAND-36 from its instructions in base R.
#
#   Rscript tests/reference/scales/scale_scores_psych.R
#
# reads scale_scores_psych_answers.csv (drawn at random, some missing) and writes
# scale_scores_psych_expected.csv: the mean of the points of the items answered, reversed within the
# declared range. The keys stand here anew, from the instruments' papers. Needs psych.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(psych))

answers <- read.csv(file.path(here, "scale_scores_psych_answers.csv"))
rows <- list()
wide <- function(name) {
  part <- answers[answers$instrument == name, ]
  table <- tapply(part$code, list(part$id, part$item), sum)
  colnames(table) <- paste0("q", colnames(table))
  table
}
record <- function(name, scale, ids, value, answered) {
  rows[[length(rows) + 1]] <<- data.frame(instrument = name, scale = scale, id = ids,
                                          answered = answered, mean = sprintf("%.17g", value))
}
keyed <- function(name, scale, low, high, items, turned = integer(0)) {
  table <- wide(name)
  key <- list(scale = paste0(ifelse(items %in% turned, "-q", "q"), items))
  fit <- suppressWarnings(suppressMessages(
    scoreFast(key, table, totals = FALSE, impute = "none", min = low, max = high)))
  answered <- rowSums(!is.na(table[, paste0("q", items), drop = FALSE]))
  kept <- answered > 0
  record(name, scale, rownames(table)[kept], fit[kept, 1], answered[kept])
}

keyed("PSS-10", "PSS-10", 0, 4, 1:10, c(4, 5, 7, 8))
keyed("PSS-14", "PSS-14", 0, 4, 1:14, c(4, 5, 6, 7, 9, 10, 13))
keyed("SOC-13", "SOC-13", 1, 7, 1:13, c(1, 2, 3, 7, 10))
keyed("RSES", "RSES", 0, 3, 1:10, c(3, 5, 8, 9, 10))
keyed("Pearlin Mastery", "Pearlin Mastery", 1, 4, 1:7, c(1, 2, 3, 5, 7))
keyed("GSE", "GSE", 1, 4, 1:10)
keyed("KEDS", "KEDS", 0, 6, 1:9)
keyed("K10", "K10", 1, 5, 1:10)
keyed("OLBI", "exhaustion", 1, 4, c(2, 4, 5, 8, 10, 12, 14, 16), c(2, 4, 8, 12))
keyed("OLBI", "disengagement", 1, 4, c(1, 3, 6, 7, 9, 11, 13, 15), c(3, 6, 9, 11))
keyed("HADS", "anxiety", 0, 3, seq(1, 13, 2))
keyed("HADS", "depression", 0, 3, seq(2, 14, 2))

# RAND-36: lowest and highest code of each item, and whether the lowest is the best.
table <- wide("RAND-36")[, paste0("q", 1:36)]
high <- rep(6, 36)
high[c(1, 2, 20, 22, 32:36)] <- 5
high[3:12] <- 3
high[13:19] <- 2
turned <- c(1, 2, 20, 22, 34, 36, 21, 23, 26, 27, 30)
points <- sapply(1:36, function(i) {
  share <- (table[, i] - 1) / (high[i] - 1)
  100 * if (i %in% turned) 1 - share else share
})
scales <- list(physical_functioning = 3:12, role_physical = 13:16, role_emotional = 17:19,
               energy = c(23, 27, 29, 31), emotional_well_being = c(24, 25, 26, 28, 30),
               social_functioning = c(20, 32), pain = 21:22, general_health = c(1, 33:36))
for (name in names(scales)) {
  part <- points[, scales[[name]]]
  answered <- rowSums(!is.na(part))
  kept <- answered > 0
  record("RAND-36", name, rownames(table)[kept], rowMeans(part, na.rm = TRUE)[kept],
         answered[kept])
}
write.csv(do.call(rbind, rows), file.path(here, "scale_scores_psych_expected.csv"),
          row.names = FALSE, quote = FALSE)
