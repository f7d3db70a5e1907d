# Natural cubic splines by least squares, as smooth lines through points.
#
#   Rscript tests/reference/survival/natural_spline.R
#
# reads natural_spline_points.csv beside this script and writes natural_spline_expected.csv: the
# fitted line and its standard error on a grid that goes beyond the points, by lm and splines::ns
# with knots at equally spaced quantiles.

library(splines)
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
points <- read.csv(file.path(here, "natural_spline_points.csv"))
rows <- list()
for (df in 2:6) {
  knots <- quantile(points$x, seq(0, 1, length.out = df), names = FALSE)
  inner <- if (df > 2) knots[2:(df - 1)] else NULL
  fit <- lm(y ~ ns(x, knots = inner, Boundary.knots = range(knots)), points)
  at <- seq(min(points$x) - 50, max(points$x) + 50, length.out = 9)
  line <- predict(fit, data.frame(x = at), se.fit = TRUE)
  rows[[df]] <- data.frame(df = df, at = at, fit = sprintf("%.17g", line$fit),
                           std_error = sprintf("%.17g", line$se.fit))
}
write.csv(do.call(rbind, rows), file.path(here, "natural_spline_expected.csv"),
          row.names = FALSE, quote = FALSE)
