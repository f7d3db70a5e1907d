# Reference values for change: paired means, standardised changes, Svensson's measures, waves.
#
#   Rscript tests/reference/scales/change.R
#
# writes change_scores.csv (pairs of scores and of ordered answers) and change_expected.csv. The
# column `source` says what gave the value. Svensson's measures are computed person by person from
# their definitions, with loops over all pairs and triples, and jackknifed by leaving out each
# person. Brunner and Munzel's test is computed from ranks. Needs base R only.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
set.seed(20171231)
n <- 40
before <- round(rnorm(n, 30, 6), 1)
after <- round(0.6 * before + rnorm(n, 14, 5), 1)
small <- data.frame(before = before[1:7], after = after[1:7] + 6)
ordered <- function(n, shift, spread) {
  z <- rnorm(n)
  cut5 <- function(v) as.integer(cut(v, c(-Inf, -1, -0.3, 0.4, 1.1, Inf)))
  data.frame(before = cut5(z), after = cut5(spread * (z + rnorm(n, 0, 0.7)) + shift))
}
up <- ordered(35, 0.6, 1); middle <- ordered(30, 0, 0.4)
small_table <- data.frame(before = c(1:5, 5:1), after = c(1:5, 1, 1, 5, 4, 1))
sets <- list(scores = data.frame(before, after), small = small, up = up, middle = middle,
             small_table = small_table)
write.csv(do.call(rbind, lapply(names(sets), function(s) cbind(set = s, sets[[s]]))),
          file.path(here, "change_scores.csv"), row.names = FALSE, quote = FALSE)

rows <- list()
record <- function(set, source, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(set = set, source = source, quantity = quantity,
    value = sprintf("%.17g", as.numeric(value)))
}
for (s in c("scores", "small")) {
  x <- sets[[s]]$before; y <- sets[[s]]$after; d <- y - x; n <- length(x)
  for (level in c(0.9, 0.95)) {
    t <- t.test(y, x, paired = TRUE, conf.level = level)
    record(s, "stats::t.test", paste0("change_low_", level), t$conf.int[1])
    record(s, "stats::t.test", paste0("change_high_", level), t$conf.int[2])
  }
  record(s, "stats::t.test", "change", mean(d))
  record(s, "stats::t.test", "change_t", t$statistic)
  record(s, "stats::t.test", "change_p", t$p.value)
  record(s, "the formula", "srm", mean(d) / sd(d))
  record(s, "the formula", "d_before", mean(d) / sd(x))
  record(s, "the formula", "d_av", mean(d) / sqrt((var(x) + var(y)) / 2))
  record(s, "the formula", "d_rm", mean(d) / sd(d) * sqrt(2 * (1 - cor(x, y))))
  m <- n - 1
  record(s, "the formula", "hedges", exp(lgamma(m / 2) - lgamma((m - 1) / 2)) * sqrt(2 / m))
  value <- mean(d) / sd(d) * sqrt(n)
  limit <- function(p) uniroot(function(nc) suppressWarnings(pt(value, m, nc)) - p, c(-35, 35), tol = 1e-13)$root
  record(s, "stats::pt noncentral and uniroot", "srm_low", limit(0.975) / sqrt(n))
  record(s, "stats::pt noncentral and uniroot", "srm_high", limit(0.025) / sqrt(n))
  # Bonett (2008)
  v1 <- var(x); v2 <- var(y); c12 <- cov(x, y); s2 <- (v1 + v2) / 2; g <- mean(d) / sqrt(s2)
  se <- sqrt(g^2 * (v1^2 + v2^2 + 2 * c12^2) / (8 * m * s2^2) + var(d) / (m * s2))
  record(s, "Bonett's formula", "d_av_se", se)
  g <- mean(d) / sqrt(v1)
  record(s, "Bonett's formula", "d_before_se", sqrt(g^2 / (2 * m) + var(d) / (m * v1)))
  # d_rm by numerical derivatives of the delta method
  g <- function(q) q[4] / sqrt((q[1] + q[2] - 2 * q[3]) / (2 * (1 - q[3] / sqrt(q[1] * q[2]))))
  at <- c(v1, v2, c12, mean(d))
  slope <- sapply(1:4, function(i) { h <- 1e-4 * abs(at[i]); e <- replace(numeric(4), i, h)
    (8 * (g(at + e) - g(at - e)) - (g(at + 2 * e) - g(at - 2 * e))) / (12 * h) })
  V <- rbind(c(2 * v1^2, 2 * c12^2, 2 * v1 * c12), c(2 * c12^2, 2 * v2^2, 2 * v2 * c12),
             c(2 * v1 * c12, 2 * v2 * c12, v1 * v2 + c12^2)) / m
  record(s, "numerical delta method", "d_rm_se",
         sqrt(slope[1:3] %*% V %*% slope[1:3] + slope[4]^2 * var(d) / m))
}

svensson <- function(x, y) {
  n <- length(x)
  p0 <- mean(outer(x, y, "<")); p1 <- mean(outer(y, x, "<"))
  between <- function(a, b) mean(sapply(b, function(v) mean(a < v) * mean(a > v)))
  m <- min(p0 - p0^2, p1 - p1^2)
  aug <- function(a, b) sapply(seq_along(a), function(i)
    sum(a < a[i]) + sum(a == a[i] & b < b[i]) + (1 + sum(a == a[i] & b == b[i])) / 2)
  c(rp = p0 - p1, rc = (between(x, y) - between(y, x)) / m,
    rv = 6 / n^3 * sum((aug(x, y) - aug(y, x))^2))
}
for (s in c("up", "middle", "small_table")) {
  x <- sets[[s]]$before; y <- sets[[s]]$after; n <- length(x)
  all <- svensson(x, y)
  left <- sapply(seq_len(n), function(i) svensson(x[-i], y[-i]))
  se <- sqrt((n - 1) / n * rowSums((left - rowMeans(left))^2))
  for (q in names(all)) {
    record(s, "the definitions by person", q, all[[q]])
    record(s, "jackknife over people", paste0(q, "_se"), se[[q]])
  }
}

# two waves
a <- sets$scores$before; b <- sets$scores$after[1:25]
w <- t.test(b, a)
record("waves", "stats::t.test", "welch", mean(b) - mean(a))
record("waves", "stats::t.test", "welch_low", w$conf.int[1])
record("waves", "stats::t.test", "welch_high", w$conf.int[2])
record("waves", "stats::t.test", "welch_df", w$parameter)
record("waves", "stats::t.test", "welch_p", w$p.value)
x <- sets$up$before; y <- sets$up$after[1:28]; n1 <- length(x); n2 <- length(y)
r <- rank(c(x, y)); r1 <- r[1:n1]; r2 <- r[-(1:n1)]
i1 <- rank(x); i2 <- rank(y)
s1 <- var(r1 - i1); s2 <- var(r2 - i2)
p <- (mean(r2) - (n2 + 1) / 2) / n1
se <- sqrt(s1 / n2^2 / n1 + s2 / n1^2 / n2)
df <- (s1 / n2^2 / n1 + s2 / n1^2 / n2)^2 /
  ((s1 / n2^2 / n1)^2 / (n1 - 1) + (s2 / n1^2 / n2)^2 / (n2 - 1))
record("waves", "ranks", "bm", p)
record("waves", "ranks", "bm_se", se)
record("waves", "ranks", "bm_df", df)
record("waves", "ranks", "bm_p", 2 * pt(-abs((p - 0.5) / se), df))
write.csv(do.call(rbind, rows), file.path(here, "change_expected.csv"), row.names = FALSE,
          quote = FALSE)
