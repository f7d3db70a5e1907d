# A small survey as SPSS and Stata files, with codes and letters that mean missing.
#
#   Rscript tests/reference/scales/scale_files.R
#
# reads scale_files_answers.csv and writes scale_files.sav, scale_files.dta, and
# scale_files_expected.csv: what haven reads back from the two, each answer with its code, its label
# and whether it is missing. Needs haven.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
suppressPackageStartupMessages(library(haven))

answers <- read.csv(file.path(here, "scale_files_answers.csv"))
texts <- c("Nej" = 1, "Delvis" = 2, "Ja" = 3)
spss <- data.frame(id = answers$id)
spss$q1 <- labelled_spss(answers$q1, c(texts, "Vet ej" = 98, "Ej aktuellt" = 99),
                         na_values = c(98, 99), label = "Question 1")
spss$q2 <- labelled_spss(answers$q2, c(texts, "Vet ej" = 98), na_range = c(90, 99))
write_sav(spss, file.path(here, "scale_files.sav"))

stata <- data.frame(id = answers$id)
letters_of <- function(x) ifelse(x %in% 98, tagged_na("a"), ifelse(x %in% 99, tagged_na("b"), x))
stata$q1 <- labelled(letters_of(answers$q1), c(texts, "Vet ej" = tagged_na("a"),
                                               "Ej aktuellt" = tagged_na("b")))
stata$q2 <- labelled(letters_of(answers$q2), texts)
write_dta(stata, file.path(here, "scale_files.dta"))

rows <- list()
record <- function(file, data) for (name in c("q1", "q2")) {
  x <- data[[name]]
  labels <- attr(x, "labels")
  code <- as.numeric(x)
  tag <- if (file == "dta") na_tag(x) else rep(NA, length(x))
  shown <- ifelse(is.na(tag), ifelse(is.na(code), "", code), tag)
  text <- sapply(seq_along(x), function(i) {
    same <- if (is.na(tag[i])) as.numeric(labels) == code[i] else na_tag(labels) == tag[i]
    same <- which(same)
    if (length(same)) names(labels)[same] else ""
  })
  rows[[length(rows) + 1]] <<- data.frame(file = file, column = name, id = data$id, code = shown,
                                          label = text, missing = is.na(x))
}
record("sav", read_sav(file.path(here, "scale_files.sav"), user_na = TRUE))
record("dta", read_dta(file.path(here, "scale_files.dta")))
write.csv(do.call(rbind, rows), file.path(here, "scale_files_expected.csv"), row.names = FALSE,
          quote = FALSE)
