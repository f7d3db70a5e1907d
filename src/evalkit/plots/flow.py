"""The flow of participants through a trial, as boxes from assessment to analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any, cast

from evalkit.core.checks import check_columns
from evalkit.core.typography import EN_DASH, NBSP, Lang, Typography
from evalkit.plots.style import ACCENT, INK, MUTED, canvas, in_house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["flow_diagram", "flow_svg"]

_WIDTH_CM, _BAND_CM, _GAP_CM, _DROP_CM = 16.0, 0.55, 0.5, 0.55
_LINE_CM, _PAD_CM, _INDENT_CM, _HEADING_CM = 0.37, 0.17, 0.3, 0.6
_EDGE_CM, _MIDDLE_CM, _ASIDE_CM = 0.05, 6.6, 6.7  # the right edge; boxes above the arms
_CHARACTERS_A_CM = 6.0  # of the text's size, in whichever of the fonts a reader has
_NOT_STATED = "not stated"  # the reason of those whose reason is missing
_SOFT, _LINE = "#eef3f4", "#9fb0b7"
_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "enrolment": "Inskrivning", "allocation": "Tilldelning", "programme": "Program",
        "follow-up": "Uppföljning", "analysis": "Analys", "assessed": "Bedömda för deltagande",
        "excluded": "Exkluderade", "randomised": "Randomiserade", "to": "Randomiserade till {arm}",
        "started": "Påbörjade programmet", "not started": "Påbörjade aldrig",
        "start not known": "Okänt om de påbörjade", "crossed over": "Fick ändå programmet",
        "groups": "i {n} grupper om {low} personer", "completed": "Fullföljde",
        "broke off": "Avbröt", "completion not known": "Okänt om de fullföljde",
        "followed up": "Uppföljda {time}", "lost": "Inte uppföljda", "analysed": "Analyserade",
        "not analysed": "Inte analyserade", "not stated": "skäl saknas",
    },
    "en": {
        "enrolment": "Enrolment", "allocation": "Allocation", "programme": "Programme",
        "follow-up": "Follow-up", "analysis": "Analysis", "assessed": "Assessed for eligibility",
        "excluded": "Excluded", "randomised": "Randomised", "to": "Randomised to {arm}",
        "started": "Started the programme", "not started": "Never started",
        "start not known": "Start not known", "crossed over": "Had the programme nevertheless",
        "groups": "in {n} groups of {low} persons", "completed": "Completed",
        "broke off": "Broke off", "completion not known": "Completion not known",
        "followed up": "Followed up {time}", "lost": "Lost to follow-up", "analysed": "Analysed",
        "not analysed": "Not analysed", "not stated": "reason not stated",
    },
}  # fmt: skip
_BANDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("allocation", ("randomised", "started", "groups", "not started", "start not known",
                    "crossed over")),
    ("programme", ("completed", "broke off", "completion not known")),
    ("follow-up", ("followed up", "lost")),
    ("analysis", ("analysed", "not analysed")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a box."""

    text: str
    indent: int = 0
    bold: bool = False


class _Numbers:
    """The numbers of the flow, as the lines that say them."""

    def __init__(self, data: pd.DataFrame, names: Mapping[str, str], lang: Lang) -> None:
        self._set_in, self._names = Typography(lang), names
        self._words = {**_WORDS[lang], **names}
        self._own: dict[tuple[str, str, str], int] = {}
        self._reasons: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
        columns = ("stage", "time", "arm", "reason", "n")
        for stage, time, arm, reason, n in zip(*(data[name] for name in columns), strict=True):
            key = (str(stage), str(time), str(arm))
            if reason:
                self._reasons.setdefault(key, []).append((str(reason), int(n)))
            else:
                self._own[key] = int(n)
        later = ("followed up", "lost")
        self.times = list(dict.fromkeys(time for stage, time, _ in self._own if stage in later))

    def word(self, stage: str) -> str:
        """Return the word for a stage."""
        return self._words.get(stage, stage)

    def name(self, label: str) -> str:
        """Return the name of an arm, a follow-up or a reason, which may be called as a stage is."""
        return self._names.get(label, self._words[label] if label == _NOT_STATED else label)

    def has(self, stage: str, arm: str = "", time: str = "") -> bool:
        """Say whether the flow has a number."""
        return (stage, time, arm) in self._own

    def lines(
        self, stage: str, arm: str = "", time: str = "", *, head: bool = False
    ) -> list[_Line]:
        """Return the lines of a stage: its own number, then its reasons."""
        if not self.has(stage, arm, time):
            return []
        number = self._own[stage, time, arm]
        if stage == "groups":
            return [_Line(self._groups(arm, number), 1)]
        word = self.word("to" if stage == "randomised" and arm else stage)
        word = word.format(arm=self.name(arm), time=self.name(time)).strip()
        own = [_Line(self._count(word, number), bold=head)]
        parts = self._reasons.get((stage, time, arm), [])
        return own + [_Line(self._count(self.name(name), n), 1) for name, n in parts]

    def _count(self, word: str, n: int) -> str:
        return f"{word} (n{NBSP}={NBSP}{self._set_in.integer(n)})"

    def _groups(self, arm: str, n: int) -> str:
        ends = [self._own.get((f"{which} group", "", arm)) for which in ("smallest", "largest")]
        low, high = (end or 0 for end in ends)
        sizes = f"{low}" if low == high else f"{low}{EN_DASH}{high}"
        return self.word("groups").format(n=self._set_in.integer(n), low=sizes)


@in_house_style
def flow_diagram(
    data: pd.DataFrame,
    arms: Sequence[str],
    *,
    names: Mapping[str, str] | None = None,
    heading: str = "",
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw the flow of participants through a trial.

    Parameters
    ----------
    data : pandas.DataFrame
        Columns ``stage, time, arm, reason, n`` as :func:`evalkit.trials.consort` counts them.
    arms : sequence of str
        The arms, from left to right.
    names : mapping of str to str, optional
        Other words for stages, follow-ups, arms and reasons.
    heading : str, optional
        A line above the diagram.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the numbers need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of the stages.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, in centimetres from the upper left corner.

    Raises
    ------
    InputError
        If a column is missing.
    """
    check_columns(data, data=["stage", "time", "arm", "reason", "n"])
    numbers = _Numbers(data, names or {}, lang)
    width = (_WIDTH_CM - _BAND_CM - _GAP_CM * len(arms)) / len(arms) - _EDGE_CM
    left = {arm: _BAND_CM + _GAP_CM + i * (width + _GAP_CM) for i, arm in enumerate(arms)}
    enrolled = _enrolment(numbers)
    rows = _rows(numbers, arms, width)
    top = _HEADING_CM if heading else 0.1
    below = sum(_DROP_CM + max(map(_tall, row.values())) for _, row in rows)
    height = top + sum(map(_tall, enrolled[0])) + _between(enrolled) + below + 0.1
    axes = cast("Any", canvas(_WIDTH_CM, height) if ax is None else ax)
    axes.set_xlim(0, _WIDTH_CM)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    if heading:
        axes.text(_BAND_CM + _GAP_CM, 0.25, heading, fontsize=8, color=MUTED, va="center")
    y = _draw_enrolment(axes, numbers, enrolled, [edge + width / 2 for edge in left.values()], top)
    ends = dict.fromkeys(arms, y + _DROP_CM / 2)
    bands: dict[str, tuple[float, float]] = {}
    for band, row in rows:
        y += _DROP_CM
        tall = max(map(_tall, row.values()))
        for arm, box in row.items():
            if box:
                _arrow(axes, (left[arm] + width / 2, ends[arm]), (left[arm] + width / 2, y))
                _box(axes, box, left[arm], y, width, tall)
                ends[arm] = y + tall
        bands[band] = (bands.get(band, (y, y))[0], y + tall)
        y += tall
    for band, (begin, end) in bands.items():
        _band(axes, numbers.word(band), begin, end)
    return cast("Axes", axes)


def flow_svg(axes: Axes) -> str:
    """Return the figure of some axes as an SVG document, the same for the same figure.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Any axes of the figure.

    Returns
    -------
    str
        The document.
    """
    import matplotlib as mpl

    drawn = StringIO()
    with cast("Any", mpl).rc_context({"svg.fonttype": "none", "svg.hashsalt": "flow"}):
        figure = cast("Any", axes).figure
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def _rows(
    numbers: _Numbers, arms: Sequence[str], width: float
) -> list[tuple[str, dict[str, list[_Line]]]]:
    """Return the boxes below the randomisation: the band's name, and a box for each arm."""
    rows: list[tuple[str, dict[str, list[_Line]]]] = []
    for band, stages in _BANDS:
        for time in numbers.times if band == "follow-up" else [""]:
            row = {
                arm: _wrapped(
                    [
                        line
                        for place, stage in enumerate(stages)
                        for line in numbers.lines(stage, arm, time, head=not place)
                    ],
                    width,
                )
                for arm in arms
            }
            if any(row.values()):
                rows.append((band, row))
    return rows


def _enrolment(numbers: _Numbers) -> tuple[list[list[_Line]], list[_Line]]:
    """Return the boxes above the arms, and the one beside them."""
    middle = [numbers.lines(stage, head=True) for stage in ("assessed", "randomised")]
    beside = numbers.lines("excluded", head=True)
    return [_wrapped(box, _MIDDLE_CM) for box in middle if box], _wrapped(beside, _ASIDE_CM)


def _between(boxes: tuple[list[list[_Line]], list[_Line]]) -> float:
    """Return the room between the boxes above the arms, in which one stands beside."""
    down, beside = boxes
    return (len(down) - 1) * max(_DROP_CM, _tall(beside) + 0.2 if beside else 0.0)


def _draw_enrolment(
    axes: Any,
    numbers: _Numbers,
    boxes: tuple[list[list[_Line]], list[_Line]],
    middles: Sequence[float],
    top: float,
) -> float:
    """Draw the boxes above the arms and the branch to them, and return where the boxes end."""
    down, beside = boxes
    centre, y = (min(middles) + max(middles)) / 2, top
    for place, box in enumerate(down):
        if place:
            gap = _between(boxes)
            _arrow(axes, (centre, y), (centre, y + gap))
            if beside:
                edge, at = _WIDTH_CM - _EDGE_CM - _ASIDE_CM, y + gap / 2
                _arrow(axes, (centre, at), (edge, at))
                _box(axes, beside, edge, at - _tall(beside) / 2, _ASIDE_CM, _tall(beside))
            y += gap
        _box(axes, box, centre - _MIDDLE_CM / 2, y, _MIDDLE_CM, _tall(box))
        y += _tall(box)
    _band(axes, numbers.word("enrolment"), top, y)
    branch = y + _DROP_CM / 2
    axes.plot([centre, centre], [y, branch], color=_LINE, linewidth=0.9)
    axes.plot([min(middles), max(middles)], [branch] * 2, color=_LINE, linewidth=0.9,
              solid_capstyle="projecting")  # fmt: skip
    return y


def _wrapped(lines: Sequence[_Line], width: float) -> list[_Line]:
    """Break lines that are too long for a box; what follows a break is indented further."""
    broken: list[_Line] = []
    for line in lines:
        room = width - 2 * _PAD_CM - _INDENT_CM * line.indent
        parts = wrap(line.text, max(12, int(room * _CHARACTERS_A_CM)), break_long_words=False)
        broken += [_Line(part, line.indent + (i > 0), line.bold) for i, part in enumerate(parts)]
    return broken


def _tall(box: Sequence[_Line]) -> float:
    """Return the height of a box."""
    return 2 * _PAD_CM + _LINE_CM * len(box) if box else 0.0


def _box(axes: Any, box: Sequence[_Line], x: float, y: float, width: float, tall: float) -> None:
    """Draw a box with its lines."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((x, y), width, tall, facecolor="white", edgecolor=_LINE, linewidth=0.9, zorder=2)
    )
    for place, line in enumerate(box):
        axes.text(
            x + _PAD_CM + _INDENT_CM * line.indent, y + _PAD_CM + _LINE_CM * (place + 0.5),
            line.text, fontsize=7.8, va="center_baseline", zorder=3, color=INK,
            fontweight="bold" if line.bold else "normal",
        )  # fmt: skip


def _band(axes: Any, word: str, top: float, bottom: float) -> None:
    """Draw the band at the left, with its name upwards where there is one and it fits."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((0, top), _BAND_CM, bottom - top, facecolor=_SOFT, edgecolor="none", zorder=1)
    )
    axes.text(_BAND_CM / 2, (top + bottom) / 2, word, rotation=90, ha="center", va="center",
              fontsize=7.2, color=ACCENT, fontweight="bold", zorder=3)  # fmt: skip


def _arrow(axes: Any, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow."""
    style = {"arrowstyle": "-|>", "color": _LINE, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0,
             "mutation_scale": 7}  # fmt: skip
    axes.annotate("", end, xytext=begin, arrowprops=style, zorder=1)
