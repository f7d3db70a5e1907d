"""Regression of survival, incidence or time lost themselves, through pseudo-values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.formula import Coding, design, formula_variables
from evalkit.core.printing import html_table
from evalkit.core.results import EffectTable
from evalkit.core.sample import read_sample
from evalkit.errors import InputError
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.pseudo import LINKS, LinkName, fit_pseudo
from evalkit.kernels.wald import cluster_df, wald
from evalkit.survival.cox_input import check_clusters
from evalkit.survival.groups import asked_times
from evalkit.survival.pseudo import MEASURES, Measure, values_of
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PseudoRegression", "pseudo_regression"]

PublicLink: TypeAlias = Literal["identity", "log", "logit", "cloglog"]

_LINKS = ("identity", "log", "logit", "cloglog")
_SHARES = ("survival", "cumulative_incidence")
_MEANING = {
    "identity": "differences",
    "log": "log ratios",
    "logit": "log odds ratios",
    "cloglog": "log hazard ratios",
}


@dataclass(frozen=True, eq=False, repr=False)
class PseudoRegression:
    """A regression on pseudo-values.

    Build one with :func:`pseudo_regression`.

    Parameters
    ----------
    coefficients : EffectTable
        Intercepts by horizon and coefficients, on the scale of the link.
    vcov : pandas.DataFrame
        Their covariance matrix, with the terms as index and columns.
    measure : str
        What was modelled.
    link : str
        The link.
    times : ndarray of float, shape (T,)
        Horizons.
    coding : Coding
        How the formula turns new data into the columns of the model.
    """

    coefficients: EffectTable
    vcov: pd.DataFrame
    measure: Measure
    link: PublicLink
    times: FloatArray
    coding: Coding

    @property
    def n_used(self) -> int:
        """Rows that the fit rests on."""
        return self.coefficients.n_used

    @property
    def n_dropped(self) -> Mapping[str, int]:
        """Rows left out, by reason."""
        return self.coefficients.n_dropped

    def to_frame(self, *, exponentiate: bool = False) -> pd.DataFrame:
        """Return the coefficients.

        Parameters
        ----------
        exponentiate : bool, default False
            Give estimates and limits of the log, logit and cloglog link as ratios; ``std_error``
            stays on the log scale, and the column ``scale`` says so. Intercepts are left out.

        Returns
        -------
        pandas.DataFrame
            The columns of an :class:`evalkit.core.results.EffectTable`; terms ``Intercept[t]``
            for the horizons come first.

        Raises
        ------
        evalkit.errors.InputError
            If coefficients of the identity link are to be exponentiated.
        """
        frame = self.coefficients.to_frame()
        if not exponentiate:
            return frame
        if self.link == "identity":
            raise InputError.of("exponentiate", required="False with the identity link", got="True")
        frame = frame.iloc[len(self.times) :].reset_index(drop=True)
        columns = ["estimate", "conf_low", "conf_high"]
        frame[columns] = np.exp(frame[columns])
        frame["scale"] = "ratio, std_error on the log scale"
        return frame

    def predict(self, newdata: pd.DataFrame) -> pd.DataFrame:
        """Predict the measure for new persons.

        Parameters
        ----------
        newdata : pandas.DataFrame
            The formula's variables, one row a person.

        Returns
        -------
        pandas.DataFrame
            ``row, time, estimate, std_error, conf_low, conf_high``: the index label of the row in
            `newdata`, the horizon, and the predicted measure. The interval is made on the scale of
            the link.

        Raises
        ------
        evalkit.errors.InputError
            If a variable is absent or missing, or has a level that the fit did not see.
        """
        import pandas as pd

        X = self.coding.apply(newdata)
        horizons = len(self.times)
        lines = np.concatenate(
            [
                np.tile(np.eye(horizons), (len(X), 1)),
                np.repeat(X, horizons, axis=0),
            ],
            axis=1,
        )
        beta = self.coefficients.to_frame()["estimate"].to_numpy(dtype=np.float64)
        eta = lines @ beta
        spread = np.sqrt(np.einsum("ij,jk,ik->i", lines, self.vcov.to_numpy(), lines))
        link = LINKS[_kernel_link(self.measure, self.link)]
        df = self.coefficients.data["df"].fillna(np.inf).iloc[0]
        half = critical_value(self.coefficients.level, float(df)) * spread
        limits = np.sort([link.mean(eta - half), link.mean(eta + half)], axis=0)
        return pd.DataFrame(
            {
                "row": np.repeat(newdata.index.to_numpy(), horizons),
                "time": np.tile(self.times, len(X)),
                "estimate": link.mean(eta),
                "std_error": np.abs(link.slope(eta)) * spread,
                "conf_low": limits[0],
                "conf_high": limits[1],
            }
        )

    def __repr__(self) -> str:
        """Show the coefficients in plain text."""
        return repr(self.coefficients)

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        table = self.coefficients
        return html_table(repr(table).splitlines()[:3], table.data, table.notes)


def pseudo_regression(
    formula: str,
    df: pd.DataFrame,
    *,
    duration: str,
    times: npt.ArrayLike,
    measure: Measure = "survival",
    link: PublicLink = "identity",
    event: str | None = None,
    cause: str | None = None,
    event_of_interest: object = None,
    entry: str | None = None,
    strata: Names | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
) -> PseudoRegression:
    r"""Regress survival, cumulative incidence, mean time or time lost on covariates.

    How many percentage points more have left for work by day 365 in the programme, at the same
    age and earlier sickness absence? How many days less in sickness insurance? The coefficients
    are on the scale of the question, and nothing is assumed of hazards.

    Parameters
    ----------
    formula : str
        Right-hand side, such as ``"treated + age + C(region)"``; an intercept for every horizon
        is added.
    df : pandas.DataFrame
        One row for each person or spell.
    duration : str
        Column with the time of exit, in any unit.
    times : float or array_like of float
        Horizons. With several, every horizon has an intercept of its own and the other
        coefficients are common to all.
    measure : {"survival", "cumulative_incidence", "rmst", "days_lost"}
        As for :func:`evalkit.survival.pseudo_values`.
    link : {"identity", "log", "logit", "cloglog"}
        Coefficients are differences, log ratios, log odds ratios, or log hazard ratios: cloglog is
        :math:`\log(-\log S)` for a survival and :math:`\log\{-\log(1-F)\}` for an incidence, where
        the ratio is of subdistribution hazards as in the Fine-Gray model. Mean times and times
        lost take the identity and the log.
    event, cause : str, optional
        One of the two columns, as for :func:`evalkit.survival.pseudo_values`.
    event_of_interest : object, optional
        Label of the cause, where the measure is of one and there are several.
    entry : str, optional
        Column with the time from which the row is at risk: on (entry, duration].
    strata : str or sequence of str, optional
        Columns within whose groups the pseudo-values are computed.
    weights : str, optional
        Column with weights of the rows in the estimating equations, such as inverse probabilities
        of treatment; the pseudo-values are not weighted.
    cluster : str, optional
        Column that says which rows belong together, for the variance.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    PseudoRegression
        ``.to_frame(exponentiate=False)``, ``.vcov``, ``.predict(newdata)``.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.pseudo_values`, or if the formula cannot be read or computed, a
        column of it is constant or follows from others, there is one cluster only, the link does
        not suit the measure, or the equations have no solution (as where nobody in some group has
        an event).

    Notes
    -----
    Generalised estimating equations with independence as working correlation and constant
    variance; the covariance is the sandwich over rows or clusters. It treats the pseudo-values as
    independent, which makes it slightly too large. With clusters intervals and tests are those of
    Student's t, with one degree of freedom less than there are clusters. It leans on large samples:
    with less than about 50 events or clusters intervals are too short. R: ``survival::pseudo``,
    then ``geepack::geese(..., corstr = "independence", scale.fix = TRUE)``.

    References
    ----------
    .. [1] Andersen PK, Klein JP, Rosthoj S (2003). Generalised linear models for correlated
       pseudo-observations, with applications to multi-state models. Biometrika 90:15-27.
       doi:10.1093/biomet/90.1.15
    .. [2] Jacobsen M, Martinussen T (2016). A note on the large sample properties of estimators
       based on generalized linear models for correlated pseudo-observations.
       Scand J Stat 43:845-862. doi:10.1111/sjos.12212

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "ended": [1, 1, 0, 1, 1, 0, 1, 1, 1, 1],
    ...     "arm": ["CAU"] * 6 + ["ReDO"] * 4,
    ... })
    >>> fit = pseudo_regression(
    ...     "arm", spells, duration="days", event="ended", times=100, measure="rmst"
    ... )
    >>> fit.to_frame()[["term", "estimate", "std_error"]].round(3)
                 term  estimate  std_error
    0  Intercept[100]    79.267     10.641
    1     arm[T.ReDO]   -18.417     18.753
    """
    check_choice("measure", measure, tuple(MEASURES))
    check_choice("link", link, _LINKS)
    if measure not in _SHARES and link in ("logit", "cloglog"):
        raise InputError.of(
            "link", required=f"'identity' or 'log' for measure {measure!r}", got=repr(link)
        )
    level = check_level(level)
    horizons = asked_times(times)
    if len(np.unique(horizons)) < len(horizons):
        raise InputError.of("times", required="horizons that differ", got=repr(times))
    sample = read_sample(
        df,
        duration=duration,
        event=event,
        cause=cause,
        entry=entry,
        strata=strata,
        cluster=cluster,
        weights=weights,
        weights_kind="sampling",
        extra_columns=formula_variables(formula, df),
    )
    if sample.cluster is not None and cluster is not None:
        check_clusters("cluster", cluster, len(np.unique(sample.cluster)))
    made = design(formula, df, rows=sample.rows)
    y = values_of(sample, measure, horizons, event_of_interest)
    fit = fit_pseudo(
        y, made.matrix, _kernel_link(measure, link), weights=sample.weights, cluster=sample.cluster
    )
    if len(fit.dependent):
        raise InputError.of(
            "formula",
            required="columns that each add something",
            got="columns that are constant or follow from those before them",
            where=[made.names[int(j)] for j in fit.dependent],
            remedy="Leave them out.",
        )
    if not fit.converged or not np.isfinite(fit.vcov).all():
        raise InputError.of(
            "formula",
            required="a model with a solution",
            got=f"no convergence after {fit.n_iterations} steps with link {link!r}",
            remedy="Is there a group without events, or with nothing but events, before a "
            "horizon? Use link='identity', fewer horizons or fewer columns.",
        )
    return _result(fit.coefficients, fit.vcov, sample.n, sample.n_dropped, made.coding,
                   measure, link, horizons, level, clustered=cluster,
                   df=cluster_df(sample.cluster, sample.weights))  # fmt: skip


def _kernel_link(measure: Measure, link: PublicLink) -> LinkName:
    """Say which link of the kernel is meant: cloglog of a survival is that of its complement."""
    return "loglog" if link == "cloglog" and measure == "survival" else link


def _result(
    beta: FloatArray,
    vcov: FloatArray,
    n: int,
    n_dropped: Mapping[str, int],
    coding: Coding,
    measure: Measure,
    link: PublicLink,
    times: FloatArray,
    level: float,
    *,
    clustered: str | None,
    df: float,
) -> PseudoRegression:
    """Lay out the coefficients."""
    import pandas as pd

    terms = [*(f"Intercept[{time:g}]" for time in times), *coding.names]
    at = ", ".join(f"{time:g}" for time in times)
    table = EffectTable.of(
        {"term": terms, **wald(beta, np.sqrt(np.diag(vcov)), level, df), "n": n},
        estimand=f"{MEASURES[measure]} at {at}: {_MEANING[link]}",
        method=f"Pseudo-values, {link} link, sandwich variance"
        + (f" by {clustered}, Student's t" if clustered else ""),
        level=level,
        n_used=n,
        n_dropped=n_dropped,
    )
    return PseudoRegression(
        table, pd.DataFrame(vcov, index=terms, columns=terms), measure, link, times, coding
    )
