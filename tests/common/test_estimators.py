"""What holds for every public estimator, checked over all of them.

Files called ``cases_<part>.py`` beside this one say how to call the estimators of a part: each has
a function ``register(add)`` that calls ``add`` once or more for each estimator, and a mapping
``EXEMPT`` from the public functions that are no estimators to the reason. A later part adds a
file, and everything below holds for it too.
"""

from __future__ import annotations

import importlib
import inspect
import pickle
import re
import runpy
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError

HERE = Path(__file__).parent

# What a column is to an estimator, and what follows where a value is missing.
DROPPED = {"time", "event", "group", "covariate", "cluster"}
REFUSED = {"cause", "entry", "weight"}
NUMERIC = {"time", "entry", "weight", "number"}


@dataclass(frozen=True)
class Case:
    """One way to call one estimator.

    Parameters
    ----------
    part, function, variant : str
        Package, public function, and what is special about this call.
    call : callable
        Takes the frame, and ``rng`` if ``random``; returns the result.
    roles : mapping of str to str
        The columns used: time, event, cause, entry, weight, group, covariate, number (a numeric
        covariate) or cluster.
    one_row : str
        What one row gives: "result", or a part of the error's message.
    one_group : str
        The same for data of one group; not tried if there is no column of that role.
    row_wise : bool
        The result has one row for each row of the frame, with its index.
    random : bool
        The call draws random numbers.
    frame : callable
        How to get frames out of the result.
    rtol : float
        How nearly results are the same that should be.
    says : str
        What printing shows in place of the number of rows, as a pattern.
    no_figure : str
        Why there is none, as a part of the error's message.
    panels : bool
        It is drawn as a figure of several panels, and takes no axes.
    always_dropped : int
        Rows of the frame that the analysis leaves out by design.
    refused : frozenset of str
        Columns in which missing values are refused rather than dropped, beyond those whose role
        says so.
    reason : str
        What the reason for dropping a row says in place of the column's name.
    unique_index : str
        A part of the error's message, if an index that repeats a label is refused.
    by_label : bool
        Random draws go by the index labels, so that others give another result.
    empty : bool
        A frame without rows gives a result without rows, and no error.
    dropped : callable
        How to get the numbers of rows dropped, by reason, out of the result.
    """

    part: str
    function: str
    variant: str
    call: Callable[..., Any]
    roles: Mapping[str, str]
    one_row: str = "result"
    one_group: str = "result"
    row_wise: bool = False
    random: bool = False
    frame: Callable[[Any], pd.DataFrame] = lambda result: result.to_frame()
    rtol: float = 1e-9
    refused: frozenset[str] = frozenset()
    says: str = ""
    always_dropped: int = 0
    no_figure: str = ""
    panels: bool = False
    reason: str = ""
    unique_index: str = ""
    by_label: bool = False
    empty: bool = False
    # A model leaves it to its coefficients to say how many rows were dropped.
    dropped: Callable[[Any], Mapping[str, int]] = lambda result: (
        getattr(result, "coefficients", result).n_dropped
    )

    def __str__(self) -> str:
        return f"{self.part}.{self.function}" + (f" ({self.variant})" if self.variant else "")

    def run(self, df: pd.DataFrame, seed: int = 1) -> Any:
        """Call the estimator."""
        return self.call(df, seed) if self.random else self.call(df)

    def table(self, df: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
        """Call the estimator and return its numbers."""
        return self.frame(self.run(df, seed))

    def columns(self, *roles: str) -> list[str]:
        """Return the columns that have one of the roles."""
        return [name for name, role in self.roles.items() if role in roles]


def load() -> tuple[list[Case], dict[str, Mapping[str, str]]]:
    """Read the cases, and the functions exempted, of every part."""
    cases: list[Case] = []
    exempt: dict[str, Mapping[str, str]] = {}
    for path in sorted(HERE.glob("cases_*.py")):
        part = path.stem.removeprefix("cases_")
        module = runpy.run_path(str(path))

        def add(
            function: str,
            call: Callable[..., Any],
            roles: Mapping[str, str],
            *,
            variant: str = "",
            part: str = part,
            **rest: Any,
        ) -> None:
            cases.append(Case(part, function, variant, call, roles, **rest))

        module["register"](add)
        exempt[part] = module["EXEMPT"]
    return cases, exempt


CASES, EXEMPT = load()
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def with_roles(*roles: str) -> Any:
    """Parametrise over the cases that use a column of one of the roles."""
    chosen = [case for case in CASES if case.columns(*roles)]
    return pytest.mark.parametrize("case", chosen, ids=str)


def columns_with(*roles: str) -> Any:
    """Parametrise over cases and each of their columns of the roles."""
    chosen = [(case, name) for case in CASES for name in case.columns(*roles)]
    ids = [f"{case}-{name}" for case, name in chosen]
    return pytest.mark.parametrize(("case", "column"), chosen, ids=ids)


def spells(n: int = 160) -> pd.DataFrame:
    """Return spells with ties, two causes, late entry, weights and covariates."""
    source = np.random.default_rng(20)
    sex = source.integers(0, 2, n)
    age = source.integers(20, 65, n)
    score = np.round(source.normal(0, 1, n), 3)
    rate = np.exp(-5 + 0.3 * sex + 0.01 * (age - 40) + 0.2 * score)
    time = np.ceil(source.exponential(1 / rate)).astype(np.int64)
    ends = source.integers(40, 400, n)
    happened = time <= ends
    days = np.where(happened, time, ends)
    df = pd.DataFrame(
        {
            "person": np.arange(1000, 1000 + n),
            "days": days,
            "ended": happened.astype(np.int64),
            "cause": np.where(happened, 1 + source.integers(0, 2, n), 0),
            "late": np.minimum(source.integers(0, 20, n), days - 1),
            "sex": np.array(["man", "woman"], dtype=object)[sex],
            "arm": np.array(["CAU", "ReDO"], dtype=object)[source.integers(0, 2, n)],
            "region": np.array(["n", "s", "w"], dtype=object)[source.integers(0, 3, n)],
            "office": source.integers(0, 16, n),
            "age": age,
            "score": score,
            "weight": source.integers(1, 4, n),
        }
    )
    # What a trial has: groups in one arm, some who stay away, some who are lost.
    treated, number = df["arm"] == "ReDO", df["person"]
    came = treated & (number % 4 != 0)
    return df.assign(
        circle=("c" + (df["office"]).astype(str)).where(treated),
        came=came.astype(np.int64),
        sessions=came * (1 + df["age"] % 20),
        net=df["days"] * (number % 3 > 0),
        after=df["score"].where(number % 5 != 0),
        period=number % 4,
        begun=(number % 4 > df["office"] % 3).astype(np.int64),
    )


@pytest.fixture
def df() -> pd.DataFrame:
    return spells()


_KNOWN: dict[str, pd.DataFrame] = {}


def table(case: Case) -> pd.DataFrame:
    """Return the result on the frame as it is, computed once."""
    if str(case) not in _KNOWN:
        _KNOWN[str(case)] = case.table(spells())
    return _KNOWN[str(case)]


def assert_same(got: pd.DataFrame, wanted: pd.DataFrame, rtol: float) -> None:
    """Compare tables: labels as texts, numbers up to a tolerance."""
    assert list(got.columns) == list(wanted.columns)
    assert len(got) == len(wanted)
    for position, name in enumerate(wanted.columns):
        one, other = got.iloc[:, position], wanted.iloc[:, position]
        if other.dtype.kind in "iufb":
            numbers = (column.to_numpy(dtype=np.float64) for column in (one, other))
            np.testing.assert_allclose(*numbers, rtol=rtol, atol=1e-9, err_msg=str(name))
        else:
            assert one.astype(str).tolist() == other.astype(str).tolist(), name


def functions(part: str) -> Iterator[str]:
    """Return the public functions of a package."""
    module = importlib.import_module(f"evalkit.{part}")
    for name in module.__all__:
        if inspect.isfunction(getattr(module, name)):
            yield name


@pytest.mark.parametrize("part", sorted(EXEMPT))
def test_no_public_function_is_missing(part: str) -> None:
    registered = {case.function for case in CASES if case.part == part}
    assert registered | set(EXEMPT[part]) == set(functions(part)), "see cases_*.py"
    assert not registered & set(EXEMPT[part])
    assert all(EXEMPT[part].values()), "say why"


@each_case
def test_all_used_columns_are_in_the_frame(case: Case) -> None:
    assert set(case.roles) <= set(spells().columns)


@each_case
def test_the_frame_is_not_changed(case: Case, df: pd.DataFrame) -> None:
    before = df.copy(deep=True)
    case.run(df)
    pd.testing.assert_frame_equal(df, before)
    assert df.attrs == before.attrs


@each_case
def test_the_order_of_rows_is_nothing(case: Case, df: pd.DataFrame) -> None:
    shuffled = df.sample(frac=1, random_state=1)
    got = case.table(shuffled)
    if case.row_wise:
        assert got.index.tolist() == shuffled.index.tolist()
        got = got.sort_index()
    assert_same(got, table(case), max(case.rtol, 1e-8))


@each_case
@pytest.mark.parametrize("kind", ["dates", "texts", "repeated", "two levels"])
def test_the_index_is_nothing(case: Case, kind: str, df: pd.DataFrame) -> None:
    place = np.arange(len(df))
    df.index = {
        "dates": pd.date_range("2010-01-01", periods=len(df)),
        "texts": pd.Index([f"p{k}" for k in place[::-1]]),
        "repeated": pd.Index(place % 7),
        "two levels": pd.MultiIndex.from_arrays([place % 7, place]),
    }[kind]
    if kind == "repeated" and case.unique_index:
        with pytest.raises(InputError, match=case.unique_index):
            case.run(df)
        return
    got = case.table(df)
    if case.row_wise:
        assert got.index.equals(df.index)
    assert_same(got, got if case.by_label else table(case), 1e-12)


@each_case
def test_the_order_of_columns_and_further_columns_are_nothing(case: Case, df: pd.DataFrame) -> None:
    turned = df[df.columns[::-1]].assign(more=np.nan, **{"a name with spaces": "x"})
    assert_same(case.table(turned), table(case), 1e-12)


def as_float(df: pd.DataFrame) -> pd.DataFrame:
    whole = df.select_dtypes("int").columns
    return df.astype(dict.fromkeys(whole, "float64"))


def as_small_integers(df: pd.DataFrame) -> pd.DataFrame:
    whole = df.select_dtypes("int").columns
    return df.astype(dict.fromkeys(whole, "int16"))


def as_categories(df: pd.DataFrame) -> pd.DataFrame:
    texts = df[["sex", "arm", "region"]].apply(lambda column: column.astype("category"))
    return df.assign(**{name: texts[name].cat.add_categories("unseen") for name in texts})


TYPES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "float": as_float,
    "small integers": as_small_integers,
    "true and false": lambda df: df.assign(ended=df["ended"] == 1),
    "categories": as_categories,
    "texts": lambda df: df.astype(dict.fromkeys(("sex", "arm", "region"), "str")),
    "objects": lambda df: df.astype(object),
    "nullable": lambda df: df.convert_dtypes(),
    "nullable true and false": lambda df: df.assign(ended=(df["ended"] == 1).astype("boolean")),
}


@each_case
@pytest.mark.parametrize("kind", TYPES)
def test_the_type_of_columns_is_nothing(case: Case, kind: str, df: pd.DataFrame) -> None:
    assert_same(case.table(TYPES[kind](df)), table(case), max(case.rtol, 1e-12))


@each_case
def test_arrow_columns_give_the_same(case: Case, df: pd.DataFrame) -> None:
    got = case.table(df.convert_dtypes(dtype_backend="pyarrow"))
    assert_same(got, table(case), max(case.rtol, 1e-12))


@columns_with(*DROPPED, "number")
def test_rows_with_missing_values_are_dropped_and_counted(
    case: Case, column: str, df: pd.DataFrame
) -> None:
    gone = df.index[[3, 50, 77]]
    df[column] = df[column].astype(object)
    df.loc[gone, column] = None
    df = df.convert_dtypes() if case.roles[column] in ("time", "event", "number") else df
    if column in case.refused:
        with pytest.raises(InputError, match=column):
            case.run(df)
        return
    result = case.run(df)
    dropped = case.dropped(result)
    assert sum(dropped.values()) == 3 + case.always_dropped, dropped
    assert any((case.reason or column) in reason for reason in dropped)
    complete = case.table(df.drop(index=gone))
    got = case.frame(result)
    assert_same(
        got.drop(index=gone, errors="ignore") if case.row_wise else got,
        complete,
        max(case.rtol, 1e-8),
    )
    assert f"{3 + case.always_dropped} dropped" in repr(result)


@columns_with(*REFUSED)
def test_missing_values_that_cannot_be_dropped_are_refused(
    case: Case, column: str, df: pd.DataFrame
) -> None:
    df[column] = df[column].astype("Int64")
    df.loc[[3, 50], column] = pd.NA
    with pytest.raises(InputError, match=rf"{column}.*\b3\b.*\b50\b"):
        case.run(df)


@columns_with(*NUMERIC)
def test_infinite_values_are_refused(case: Case, column: str, df: pd.DataFrame) -> None:
    df[column] = df[column].astype("float64")
    df.loc[7, column] = np.inf
    with pytest.raises(InputError, match=rf"{column}.*inf|finite.*{column}"):
        case.run(df)


@columns_with(
    "time", "event", "cause", "entry", "weight", "group", "covariate", "number", "cluster"
)
def test_an_unknown_column_is_refused_with_the_nearest_name(
    case: Case, column: str, df: pd.DataFrame
) -> None:
    df = df.rename(columns={column: column + "x"})
    with pytest.raises(InputError) as caught:
        case.run(df)
    assert repr(column) in str(caught.value) or re.search(rf"\b{column}\b", str(caught.value))
    assert f"{column}x" in str(caught.value)


@each_case
def test_an_empty_frame_is_refused(case: Case, df: pd.DataFrame) -> None:
    if case.empty:
        assert case.table(df.head(0)).empty
        return
    with pytest.raises(InputError):
        case.run(df.head(0))


def expect(case: Case, df: pd.DataFrame, outcome: str) -> None:
    """Check that data so poor give a result, or the error that the case documents."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if outcome == "result":
            result = case.run(df)
            assert len(repr(result).splitlines()) <= 15
            assert isinstance(case.frame(result), pd.DataFrame)
        else:
            with pytest.raises(InputError, match=outcome):
                case.run(df)


@each_case
def test_one_row_gives_a_result_or_the_documented_error(case: Case, df: pd.DataFrame) -> None:
    expect(case, df[df["cause"] == 1].head(1), case.one_row)


@with_roles("group")
def test_one_group_gives_a_result_or_the_documented_error(case: Case, df: pd.DataFrame) -> None:
    for name in case.columns("group"):
        expect(case, df[df[name] == df[name].iloc[0]], case.one_group)


@each_case
def test_the_same_twice(case: Case, df: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(case.table(df), table(case))
    if case.random:
        generator = np.random.default_rng(1)
        assert_same(case.frame(case.call(df, generator)), table(case), 1e-12)


@each_case
def test_results_survive_pickling(case: Case, df: pd.DataFrame) -> None:
    result = case.run(df)
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(case.frame(again), case.frame(result))
    assert repr(again) == repr(result)


def read_off(result: Any) -> dict[str, pd.DataFrame]:
    """Call every method of a result that needs no more than times to be read at."""
    known = {"times": [10.0, 15.0], "tau": 15.0, "time": 5.0}
    found: dict[str, pd.DataFrame] = {}
    for name in sorted(dir(type(result))):
        method = getattr(type(result), name, None)
        if name.startswith(("_", "plot")) or not inspect.isfunction(method):
            continue
        asked = list(inspect.signature(method).parameters.values())[1:]
        needed = [p.name for p in asked if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
        if set(needed) <= set(known):
            part: Any = getattr(result, name)(*(known[argument] for argument in needed))
            part = [part] if isinstance(part, (str, float)) else part
            if hasattr(part, "__dataclass_fields__") and not hasattr(part, "to_frame"):
                part = [repr(part)]  # what a figure is drawn from
            found[name] = pd.DataFrame(part.to_frame() if hasattr(part, "to_frame") else part)
    return found


@each_case
def test_later_changes_of_the_frame_are_nothing(case: Case, df: pd.DataFrame) -> None:
    whole = df.select_dtypes("number").columns
    result, wanted = case.run(df), case.run(df.copy(deep=True))
    for name in whole:
        df.loc[:, name] = df[name].to_numpy()[::-1].copy()
        df.loc[:, name] = 1 + df[name] // 2
    pd.testing.assert_frame_equal(case.frame(result), case.frame(wanted))
    if not isinstance(result, pd.DataFrame):
        found = read_off(result)
        assert "to_frame" in found
        for name, part in read_off(wanted).items():
            pd.testing.assert_frame_equal(found[name], part)


@each_case
def test_results_are_frozen(case: Case, df: pd.DataFrame) -> None:
    result = case.run(df)
    if isinstance(result, pd.DataFrame):
        pytest.skip("a frame is the caller's own")
    name = next(iter(type(result).__dataclass_fields__))
    with pytest.raises(AttributeError):
        setattr(result, name, None)


@each_case
def test_frames_belong_to_the_caller(case: Case, df: pd.DataFrame) -> None:
    result = case.run(df)
    first = case.frame(result)
    kept = first.copy(deep=True)
    if isinstance(result, pd.DataFrame):
        pytest.skip("a frame is the caller's own")
    number = first.select_dtypes("number").columns[-1]
    first[number] = 0
    first["more"] = 1
    pd.testing.assert_frame_equal(case.frame(result), kept)


@each_case
def test_results_print_in_a_few_lines_that_say_how_many(case: Case, df: pd.DataFrame) -> None:
    text = repr(case.run(df))
    assert len(text.splitlines()) <= 15
    assert max(map(len, text.splitlines())) <= 100
    assert "0x" not in text
    wanted = case.says or rf"\b{len(df)}\b|\b{df['weight'].sum()}\b"
    assert re.search(wanted, text), text


@each_case
def test_results_show_as_html(case: Case, df: pd.DataFrame) -> None:
    html = case.run(df)._repr_html_()
    assert "<table" in html
    assert html.count("<table") == html.count("</table>")


@each_case
def test_what_can_be_drawn_is_drawn(case: Case, df: pd.DataFrame) -> None:
    result = case.run(df)
    if not hasattr(result, "plot") or isinstance(result, pd.DataFrame):
        pytest.skip("has no figure")
    from matplotlib.figure import Figure

    if case.no_figure:
        with pytest.raises(InputError, match=case.no_figure):
            result.plot()
        return
    if case.panels:
        assert all(panel.has_data() for panel in result.plot().axes)
        return
    axes = Figure().subplots()
    assert result.plot(ax=axes) is axes
    assert axes.has_data()
    assert result.plot().figure is not axes.figure
