"""The flow of participants through a trial, counted from data, as CONSORT 2025 asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.core.checks import check_columns
from evalkit.core.columns import Names, as_names, check_known
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.trials.flow_counting import (
    FlowCounter,
    ProgrammeCounter,
    flow_frame,
    refuse_repeats,
)
from evalkit.trials.flow_counts import COLUMNS, Count, check_flow
from evalkit.typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.core.typography import Lang

__all__ = ["Flow", "consort"]

_HEAD = "Flow of participants, as CONSORT 2025 asks for it"
_LOSSES = {"randomised": "excluded", "started": "not started", "completed": "broke off",
           "followed up": "lost", "analysed": "not analysed"}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Flow:
    """How many went which way, from assessment to analysis.

    Build one with :func:`consort`, or with :meth:`of_counts` where there are counts only. A flow
    whose numbers do not add up cannot be made.

    Parameters
    ----------
    data : pandas.DataFrame
        Columns ``stage, time, arm, reason, n``. ``time`` is the name of a follow-up and empty
        elsewhere; ``arm`` is empty before the randomisation; a row without a ``reason`` is the
        stage's own number, and rows with one divide it.
    arms : tuple of str
        The arms, the control arm last.
    """

    data: pd.DataFrame
    arms: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse numbers that do not add up."""
        check_columns(self.data, data=COLUMNS)
        check_flow(self.data, self.arms)

    @classmethod
    def of_counts(cls, counts: pd.DataFrame, *, arms: Sequence[object]) -> Flow:
        """Make a flow of counts, for instance of those that a report prints.

        Parameters
        ----------
        counts : pandas.DataFrame
            Columns ``stage, time, arm, reason, n`` as in :meth:`to_frame`; stages that nobody
            counted can be left out.
        arms : sequence
            The arms, the control arm last.

        Returns
        -------
        Flow
            The flow.

        Raises
        ------
        evalkit.errors.InputError
            If a column is missing, a stage or an arm is unknown, or numbers do not add up.

        Examples
        --------
        >>> import pandas as pd
        >>> counts = pd.DataFrame(
        ...     [("started", 54), ("completed", 31), ("broke off", 32)], columns=["stage", "n"]
        ... ).assign(time="", arm="ReDO", reason="")
        >>> Flow.of_counts(counts, arms=["ReDO"])
        Traceback (most recent call last):
            ...
        evalkit.errors.InputError: flow: must be numbers that add up; got 54 started, but ...
        """
        return cls(counts.reset_index(drop=True), tuple(str(arm) for arm in arms))

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            Columns ``stage, time, arm, reason, n``, from assessment to analysis.
        """
        return self.data.copy()

    def n(self, stage: str, arm: object = "", *, time: str = "", reason: str = "") -> int:
        """Return one number.

        Parameters
        ----------
        stage : str
            Name of the stage, as in :meth:`to_frame`.
        arm : object, default ""
            The arm; empty before the randomisation.
        time : str, default ""
            The follow-up, where the stage has several.
        reason : str, default ""
            The reason; empty for the stage's own number.

        Returns
        -------
        int
            How many.

        Raises
        ------
        evalkit.errors.InputError
            If the flow has no such number.
        """
        asked = (stage, time, str(arm), reason)
        found = self.data[(self.data[list(COLUMNS[:4])] == list(asked)).all(axis=1)]
        if found.empty:
            known = ", ".join(dict.fromkeys(self.data["stage"]))
            raise InputError.of(
                "stage", required="a number of the flow", got=" / ".join(filter(None, asked)),
                remedy=f"Stages: {known}. Arms: {', '.join(self.arms)}.",
            )  # fmt: skip
        return int(found["n"].iloc[0])

    def plot(
        self,
        ax: Axes | None = None,
        *,
        lang: Lang = "sv",
        names: Mapping[str, str] | None = None,
        heading: str = "",
    ) -> Axes:
        """Draw the flow diagram.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure, as high as the numbers need, if left out.
        lang : {"sv", "en"}, default "sv"
            Language of the stages.
        names : mapping of str to str, optional
            Other words for stages, follow-ups, arms and reasons.
        heading : str, optional
            A line above the diagram, such as that data are synthetic.

        Returns
        -------
        matplotlib.axes.Axes
            The axes; ``axes.figure.savefig("flow.svg")`` writes a file.
        """
        from evalkit.plots.flow import flow_diagram

        return flow_diagram(
            self.data, self.arms, names=names, heading=heading, ax=ax, lang=lang
        )  # fmt: skip

    def to_svg(
        self, *, lang: Lang = "sv", names: Mapping[str, str] | None = None, heading: str = ""
    ) -> str:
        """Return the flow diagram as an SVG document, whose text stays text.

        Parameters
        ----------
        lang : {"sv", "en"}, default "sv"
            Language of the stages.
        names : mapping of str to str, optional
            Other words for stages, follow-ups, arms and reasons.
        heading : str, optional
            A line above the diagram, such as that data are synthetic.

        Returns
        -------
        str
            The document; the same flow gives the same text.
        """
        from evalkit.plots.flow import flow_svg

        return flow_svg(self.plot(lang=lang, names=names, heading=heading))

    def __repr__(self) -> str:
        """Show the stages with their losses, the arms side by side."""
        return text_block([_HEAD], self._side_by_side(), ())

    def _repr_html_(self) -> str:
        """Show the numbers as a table in a notebook."""
        return html_table([_HEAD], self._side_by_side(), ())

    def _side_by_side(self) -> pd.DataFrame:
        """Return one row for each stage that people reach, with its losses beside."""
        import pandas as pd

        rows: dict[str, dict[str, str]] = {}
        numbers = {
            (str(stage), str(time), str(arm)): int(n)
            for stage, time, arm, reason, n in zip(
                *(self.data[name] for name in COLUMNS), strict=True
            )
            if not reason
        }
        wholes = {loss: stage for stage, loss in _LOSSES.items()}
        for (stage, time, arm), n in numbers.items():
            if (wholes.get(stage, ""), time, arm) in numbers:  # it stands beside its stage
                continue
            loss = _LOSSES.get(stage, "")
            gone = numbers.get((loss, time, arm))
            text = str(n) if gone is None else f"{n} ({gone} {loss})"
            rows.setdefault(f"{stage} {time}".strip(), {})[arm or "all"] = text
        columns = ["all", *self.arms]
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns).fillna("")
        return frame.rename_axis("stage").reset_index()


def consort(
    df: pd.DataFrame,
    *,
    arm: str,
    control: object,
    excluded: str | None = None,
    started: str | None = None,
    not_started: str | None = None,
    completed: str | None = None,
    broke_off: str | None = None,
    group: str | None = None,
    follow_up: Mapping[str, Names] | None = None,
    lost: Mapping[str, str] | None = None,
    analysed: str | None = None,
    not_analysed: str | None = None,
    reasons: Mapping[str, Sequence[str]] | None = None,
    expected: Mapping[tuple[str, ...], int] | None = None,
    unit: str | None = None,
) -> Flow:
    """Count who went which way through a trial, and refuse numbers that do not add up.

    Answers: how many were assessed, excluded, randomised, started, completed, broke off, were
    followed up and analysed in each arm, and why not the others?

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person assessed, or for each person randomised. It is not changed.
    arm : str
        Column with the arm as randomised; missing for those who were not.
    control : object
        Label of the control arm.
    excluded : str, optional
        Column with the reason why a person was not randomised, missing for those who were. With
        it the flow begins with those assessed; an empty column says that nobody was excluded.
    started : str, optional
        Column that is 1 for those who started the programme and 0 for those who never did. Where
        it is missing in an arm with a programme, the start is counted as not known. Those of the
        control arm who have a 1 are counted as crossed over.
    not_started : str, optional
        Column with the reason why a person never started, missing for all others.
    completed : str, optional
        Column that is 1 for those who completed the programme and 0 for those who broke off;
        needs `started`.
    broke_off : str, optional
        Column with the reason why a person broke off, missing for all others.
    group : str, optional
        Column with the group in which a person had the programme: the flow says how many groups
        there were and how large the smallest and the largest was. Needs `started`.
    follow_up : mapping of str to str or sequence of str, optional
        Columns with what was measured, by the name of the follow-up. Who has a value in one of
        them was followed up.
    lost : mapping of str to str, optional
        Column with the reason why there is no value, by the name of the follow-up.
    analysed : str, optional
        Column that must have a value for a person to be in the main analysis: the outcome if only
        those with one are analysed.
    not_analysed : str, optional
        Column with the reason why a person is not analysed, missing for all others.
    reasons : mapping of str to sequence of str, optional
        Reasons in the order to show them, by column. Those that nobody had are shown as 0. A
        reason that is not in the list is an error.
    expected : mapping of tuple to int, optional
        Numbers that are known from elsewhere, by stage, arm and, where there is one, follow-up:
        ``{("started", "ReDO"): 54}``. A different count is an error.
    unit : str, optional
        Column that identifies the persons; repeated values are an error.

    Returns
    -------
    Flow
        The numbers, with ``to_frame()``, ``plot()`` and ``to_svg()``.

    Raises
    ------
    evalkit.errors.InputError
        If a column or the control arm does not exist; a person was both excluded and randomised,
        or neither; started without being randomised, or completed without having started; has a
        reason for what did not happen; has no group though started, or a group though not; or if
        a number is not the expected one.

    Notes
    -----
    Within each arm those randomised are those who started, who never did and, where it is not
    known, the rest; those who started completed or broke off; and those randomised were followed
    up or lost, at each follow-up, and analysed or not. Who broke off can be followed up. A
    missing reason is counted as "not stated". Zero is shown.

    In R the package ``consort`` draws such diagrams, without these checks.

    References
    ----------
    .. [1] Hopewell S, Chan A-W, Collins GS, et al. (2025). CONSORT 2025 statement: Updated
       guideline for reporting randomised trials. PLoS Med 22(4):e1004587.
       doi:10.1371/journal.pmed.1004587

    Examples
    --------
    >>> from evalkit import synthetic
    >>> trial = synthetic.load_redo_trial().assign(excluded=None)
    >>> consort(
    ...     trial,
    ...     arm="arm",
    ...     control="kontroll",
    ...     excluded="excluded",
    ...     started="started",
    ...     completed="completed",
    ...     expected={("started", "ReDO"): 54, ("completed", "ReDO"): 31},
    ... )
    Flow of participants, as CONSORT 2025 asks for it
    stage         all               ReDO                kontroll
    assessed      120
    randomised    120 (0 excluded)  60                  60
    started                         54 (6 not started)
    crossed over                                        0
    completed                       31 (23 broke off)
    """
    later = {} if follow_up is None else {time: as_names(it) for time, it in follow_up.items()}
    why_lost = {} if lost is None else dict(lost)
    check_known(
        df, arm=arm, excluded=excluded, started=started, not_started=not_started,
        completed=completed, broke_off=broke_off, group=group, analysed=analysed,
        not_analysed=not_analysed, follow_up=[name for it in later.values() for name in it],
        lost=why_lost.values(), unit=unit,
    )  # fmt: skip
    needs = [
        ("not_started", not_started, "started", started),
        ("broke_off", broke_off, "completed", completed),
        ("completed", completed, "started", started),
        ("group", group, "started", started),
        ("not_analysed", not_analysed, "analysed", analysed),
        *(
            ("lost", name, f"follow_up[{time!r}]", later.get(time))
            for time, name in why_lost.items()
        ),
    ]
    for argument, given, needed, there in needs:
        if given is not None and there is None:
            raise InputError.of(argument, required=f"left out without {needed}", got=repr(given))
    if unit is not None:
        refuse_repeats(df, unit)
    counter = FlowCounter(df, arm, control, excluded, reasons or {})
    counts = [*counter.enrolled()]
    programme = ProgrammeCounter(counter, started, completed, group)
    for place, name in enumerate(counter.arms):
        inside = counter.codes == place
        counts.append(Count("randomised", int(inside.sum()), name))
        counts += programme.counts(name, inside, not_started, broke_off)
        for time, columns in later.items():
            seen: BoolArray = df[columns].notna().any(axis=1).to_numpy(dtype=bool)
            counts.append(Count("followed up", int((inside & seen).sum()), name, time=time))
            counts += counter.divided(
                "lost", inside & ~seen, inside, why_lost.get(time), name, time
            )
        if analysed is not None:
            used: BoolArray = df[analysed].notna().to_numpy(dtype=bool)
            counts.append(Count("analysed", int((inside & used).sum()), name))
            counts += counter.divided("not analysed", inside & ~used, inside, not_analysed, name)
    flow = Flow(flow_frame(counts, counter.arms, list(later)), counter.arms)
    for key, n in (expected or {}).items():
        stage, at, time = (*key, "", "")[:3]
        if (found := flow.n(stage, at, time=time)) != n:
            raise InputError.of(
                "expected", required=f"what the data give, {found} ({' / '.join(key)})", got=n,
                remedy="Either the data or the number known from elsewhere is wrong.",
            )  # fmt: skip
    return flow
