# Reference values for ratios, odds ratios and exact intervals of two binomial proportions.
#
#   Rscript tests/reference/trials/ratios.R
#
# reads ratios_cases.csv beside this script and writes ratios_expected.csv. The column `source`
# says what gave the value. Score limits: stats::uniroot inverts the definition, with the
# constrained proportions found by uniroot from the likelihood equations. Conditional limits:
# uniroot over the noncentral hypergeometric distribution (fisher.test stops at a tolerance of
# about 1e-4; its own values are beside). Unconditional exact limits, for small groups only: the
# largest tail over a grid of 501 nuisance values and optimize about the best, the outermost
# effect kept by uniroot from a scan. Needs base R only.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
eps <- .Machine$double.eps
root <- function(f, low, high) uniroot(f, c(low, high), tol = eps, maxiter = 10000)$root
part <- function(k, p) if (k == 0) 0 else k / p

rows <- list()
record <- function(case, source, ...) {
  values <- list(...)
  rows[[length(rows) + 1]] <<- cbind(case[rep(1, length(values)), ], source = source,
    quantity = names(values), value = sprintf("%.17g", unlist(values)), row.names = NULL)
}

# most likely p0 with p1 = ratio p0
p0_ratio <- function(x1, n1, x0, n0, ratio) {
  high <- min(1, 1 / ratio)
  slope <- function(p) part(x1 + x0, p) - part(n1 - x1, 1 - ratio * p) * ratio - part(n0 - x0, 1 - p)
  if (x1 + x0 == 0) return(0)
  inside <- high * 1e-13
  if (slope(high - inside) >= 0) return(high)
  # the slope falls; far to the left it may be too steep for the first bracket
  log_slope <- function(l) slope(exp(l))
  exp(root(log_slope, log(high) - 60, log(high - inside)))
}
z_ratio <- function(x1, n1, x0, n0, ratio, factor) {
  p0 <- p0_ratio(x1, n1, x0, n0, ratio); p1 <- ratio * p0
  gap <- x1 / n1 - ratio * x0 / n0
  v <- factor * (p1 * (1 - p1) / n1 + ratio^2 * p0 * (1 - p0) / n0)
  if (abs(gap) < 1e-15) 0 else if (v <= 0) sign(gap) * 1e10 else gap / sqrt(v)
}
# logits such that the margin is kept at an odds ratio
z_odds <- function(x1, n1, x0, n0, psi, factor) {
  f <- function(l) n1 * plogis(l + log(psi)) + n0 * plogis(l) - x1 - x0
  l0 <- root(f, -80, 80); l1 <- l0 + log(psi)
  v1 <- n1 * plogis(l1) * plogis(-l1); v0 <- n0 * plogis(l0) * plogis(-l0)
  (x1 - n1 * plogis(l1)) * sqrt((1 / v1 + 1 / v0) / factor)
}
# noncentral hypergeometric
conditional <- function(case, own, prefix) {
  x1 <- case$x1; n1 <- case$n1; x0 <- case$x0; n0 <- case$n0; tail <- (1 - case$level) / 2
  m <- x1 + x0; k <- max(0, m - n0):min(n1, m); logw <- dhyper(k, n1, n0, m, log = TRUE)
  share <- function(b) { w <- logw + b * k; w <- exp(w - max(w)); w / sum(w) }
  up <- function(b) { s <- share(b); sum(s[k > x1]) + own * s[k == x1] }
  down <- function(b) { s <- share(b); sum(s[k < x1]) + own * s[k == x1] }
  out <- list()
  if (length(k) > 1) {
    if (x1 > min(k) && x1 < max(k))
      out[[paste0(prefix, "_estimate")]] <- exp(root(function(b) sum(share(b) * k) - x1, -30, 30))
    out[[paste0(prefix, "_low")]] <- if (x1 == min(k)) 0 else exp(root(function(b) up(b) - tail, -30, 30))
    out[[paste0(prefix, "_high")]] <- if (x1 == max(k)) Inf else exp(root(function(b) down(b) - tail, -30, 30))
    out[[paste0(prefix, "_p")]] <- min(1, 2 * min(up(0), down(0)))
  }
  do.call(record, c(list(case, "stats::dhyper and uniroot"), out))
}
# unconditional exact
score_difference <- function(x1, n1, x0, n0, delta) {
  low <- max(0, -delta); high <- min(1, 1 - delta)
  gap <- x1 / n1 - x0 / n0 - delta
  if (abs(gap) < 1e-15) return(0)
  slope <- function(p) part(x0, p) - part(n0 - x0, 1 - p) + part(x1, p + delta) -
    part(n1 - x1, 1 - p - delta)
  inside <- (high - low) * 1e-14
  p0 <- if (high - low < 1e-13) (low + high) / 2
        else if (slope(low + inside) <= 0) low
        else if (slope(high - inside) >= 0) high
        else root(slope, low + inside, high - inside)
  p1 <- p0 + delta
  v <- p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
  if (v <= 0) sign(gap) * 1e10 else gap / sqrt(v)
}
tail_of <- function(case, statistic, p1_of, range_of, effect, side, own) {
  n1 <- case$n1; n0 <- case$n0
  z <- outer(0:n1, 0:n0, Vectorize(function(a, b) statistic(a, n1, b, n0, effect)))
  seen <- z[case$x1 + 1, case$x0 + 1]
  tie <- abs(z - seen) <= 1e-9 * (1 + abs(seen))
  weight <- ((z - seen) * side > 0 & !tie) + own * tie
  chance <- function(p0) {
    p1 <- min(1, max(0, p1_of(p0, effect)))
    sum(outer(dbinom(0:n1, n1, p1), dbinom(0:n0, n0, p0)) * weight)
  }
  ends <- range_of(effect)
  if (ends[2] - ends[1] < 1e-12) return(chance(ends[1]))
  grid <- seq(ends[1], ends[2], length.out = 501)
  values <- vapply(grid, chance, 0)
  at <- which.max(values)
  around <- c(grid[max(1, at - 1)], grid[min(501, at + 1)])
  max(values, optimize(chance, around, maximum = TRUE, tol = 1e-12)$objective)
}
# from outside, the first effect that is kept, and the root between it and its neighbour
outermost <- function(f, outside, inside) {
  if (f(outside) > 0) return(outside)
  grid <- seq(outside, inside, length.out = 65)
  for (i in 2:65) if (f(grid[i]) > 0 || i == 65) break
  a <- grid[i - 1]; b <- grid[i]
  for (j in 1:40) { m <- (a + b) / 2; if (f(m) > 0) b <- m else a <- m }
  (a + b) / 2
}
unconditional <- function(case, own, prefix) {
  alpha <- (1 - case$level) / 2; d <- case$x1 / case$n1 - case$x0 / case$n0
  difference <- function(delta, side) tail_of(case, score_difference, function(p, e) p + e,
    function(e) c(max(0, -e), min(1, 1 - e)), delta, side, own)
  u_ratio <- function(a, n1, b, n0, u) z_ratio(a, n1, b, n0, u / (1 - u), 1)
  ratio <- function(u, side) tail_of(case, u_ratio, function(p, u) p * u / (1 - u),
    function(u) c(0, min(1, (1 - u) / u)), u, side, own)
  r1 <- case$x1 / case$n1; r0 <- case$x0 / case$n0; share <- r1 / (r1 + r0)
  odds <- function(u) u / (1 - u)
  out <- list(
    difference_low = outermost(function(e) difference(e, 1) - alpha, -1, d),
    difference_high = outermost(function(e) difference(e, -1) - alpha, 1, d),
    difference_p = min(1, 2 * min(difference(0, 1), difference(0, -1))),
    ratio_low = if (r1 == 0) 0 else
      odds(outermost(function(u) ratio(u, 1) - alpha, 1e-12, min(share, 1 - 1e-12))),
    ratio_high = if (r0 == 0) Inf else
      odds(outermost(function(u) ratio(u, -1) - alpha, 1 - 1e-12, max(share, 1e-12))))
  names(out) <- paste0(prefix, "_", names(out))
  do.call(record, c(list(case, "stats::dbinom at the worst nuisance value"), out))
}

cases <- read.csv(file.path(here, "ratios_cases.csv"))
for (i in seq_len(nrow(cases))) {
  case <- cases[i, ]; x1 <- case$x1; n1 <- case$n1; x0 <- case$x0; n0 <- case$n0
  z <- qnorm((1 + case$level) / 2)
  p1 <- (x1 + 1) / (n1 + 2); p0 <- (x0 + 1) / (n0 + 2)
  half <- z * sqrt(p1 * (1 - p1) / (n1 + 2) + p0 * (1 - p0) / (n0 + 2))
  record(case, "the formula", agresti_caffo_low = max(-1, p1 - p0 - half),
         agresti_caffo_high = min(1, p1 - p0 + half))
  for (method in c("corrected", "plain")) {
    factor <- if (method == "corrected") (n1 + n0) / (n1 + n0 - 1) else 1
    at <- log(x1 / n1) - log(x0 / n0)
    middle <- if (is.nan(at)) 0 else max(-30, min(30, at))
    f <- function(b) z_ratio(x1, n1, x0, n0, exp(b), factor)
    out <- list(if (x1 == 0) 0 else exp(root(function(b) f(b) - z, -30, middle)),
                if (x0 == 0) Inf else exp(root(function(b) f(b) + z, middle, 30)))
    names(out) <- paste0("ratio_", method, c("_low", "_high"))
    do.call(record, c(list(case, "stats::uniroot of the score"), out))
    if (x1 + x0 < n1 + n0) {
      at <- log(x1) + log(n0 - x0) - log(x0) - log(n1 - x1)
      middle <- max(-30, min(30, at))
      f <- function(b) z_odds(x1, n1, x0, n0, exp(b), factor)
      out <- list(
        if (x1 == 0 || x0 == n0) 0 else exp(root(function(b) f(b) - z, -25, middle)),
        if (x0 == 0 || x1 == n1) Inf else exp(root(function(b) f(b) + z, middle, 25)))
      names(out) <- paste0("odds_", method, c("_low", "_high"))
      do.call(record, c(list(case, "stats::uniroot of the score"), out))
    }
  }
  if (x1 + x0 < n1 + n0) {
    test <- suppressWarnings(prop.test(c(x1, x0), c(n1, n0), correct = FALSE))
    record(case, "stats::prop.test", plain_p = test$p.value)
    conditional(case, 1, "exact")
    conditional(case, 0.5, "mid_p")
    fisher <- fisher.test(matrix(c(x1, x0, n1 - x1, n0 - x0), 2), conf.level = case$level)
    record(case, "stats::fisher.test", fisher_estimate = unname(fisher$estimate),
           fisher_low = fisher$conf.int[1], fisher_high = fisher$conf.int[2])
  }
  if (n1 * n0 <= 49) {
    unconditional(case, 1, "exact")
    unconditional(case, 0.5, "mid_p")
  }
}
write.csv(do.call(rbind, rows), file.path(here, "ratios_expected.csv"), row.names = FALSE,
          quote = FALSE)
