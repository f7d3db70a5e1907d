"""Formulas: the same matrix as formulaic's, missing rows counted, and errors that help."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix

from evalkit.core.formula import Design, design, formula_variables
from evalkit.errors import InputError

RNG = np.random.default_rng(7)
N = 40
DF = pd.DataFrame(
    {
        "age": RNG.normal(size=N),
        "income": RNG.lognormal(size=N),
        "region": pd.Categorical(RNG.choice(["Syd", "Nord", "Väst"], N), ["Väst", "Nord", "Syd"]),
        "sex": RNG.choice(["man", "woman"], N),
        "degree": RNG.choice([25, 50, 75, 100], N),
        "own": RNG.random(N) > 0.5,
        "sick days": RNG.integers(0, 9, N),
    }
)
FORMULAS = [
    "age",
    "age + income",
    "age + region + sex",
    "region * sex + age",
    "age:region",
    "C(degree) + age",
    "C(degree, contr.treatment(base=50)) * own",
    "np.log(income) + age**2 + {age**2}",
    "bs(age, df=4) + center(income)",
    "`sick days` + own",
    "poly(age, 2) + sex:region",
    "age + age + sex",
]


def whole(formula: str, data: pd.DataFrame) -> Design:
    return design(formula, data, intercept=True)


@pytest.mark.parametrize("formula", FORMULAS)
def test_matrix_is_formulaics(formula: str) -> None:
    theirs = model_matrix(formula, DF)
    made = whole(formula, DF)
    assert set(made.names) == set(theirs.columns)
    for j, name in enumerate(made.names):
        np.testing.assert_allclose(made.matrix[:, j], theirs[name].to_numpy(dtype=float))
    bare = design(formula, DF)
    assert bare.names == made.names[1:]
    np.testing.assert_array_equal(bare.matrix, made.matrix[:, 1:])


@pytest.mark.parametrize("formula", FORMULAS)
def test_new_data_are_coded_alike(formula: str) -> None:
    made = whole(formula, DF)
    some = DF.iloc[[3, 17, 4]].reset_index(drop=True).astype({"region": object})
    np.testing.assert_allclose(made.apply(some), made.matrix[[3, 17, 4]])
    again = pickle.loads(pickle.dumps(made.coding))
    np.testing.assert_allclose(again.apply(some), made.matrix[[3, 17, 4]])


@pytest.mark.parametrize("formula", ["0 + age + sex", "age + sex - 1"])
def test_categories_keep_their_reference_without_intercept(formula: str) -> None:
    assert design(formula, DF).names == ("age", "sex[T.woman]")


def test_terms_group_the_columns() -> None:
    made = whole("age + region + C(degree)", DF)
    assert dict(made.terms) == {"age": (1,), "region": (2, 3), "C(degree)": (4, 5, 6)}
    assert made.coding.levels == {
        "region": ("Väst", "Nord", "Syd"), "degree": (25, 50, 75, 100),
    }  # fmt: skip


@pytest.mark.parametrize(
    "dtype", ["int64", "int8", "float32", "Int64", "Float64", "object", "boolean", "bool"]
)
def test_storage_of_numbers_does_not_matter(dtype: str) -> None:
    flags = pd.DataFrame({"x": [0, 1, 1, 0, 1], "s": list("abaab")})
    stored = flags.astype({"x": dtype})
    for formula in ("x + s", "x * s"):
        one, two = design(formula, flags), design(formula, stored)
        assert one.names == two.names
        np.testing.assert_array_equal(one.matrix, two.matrix)


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_storage_of_text_does_not_matter(dtype: str) -> None:
    flags = pd.DataFrame({"x": [0, 1, 1, 0, 1], "s": list("abaab")})
    one, two = design("x * s", flags), design("x * s", flags.astype({"s": dtype}))
    assert one.names == two.names
    np.testing.assert_array_equal(one.matrix, two.matrix)


def test_missing_rows_are_dropped_and_counted_once() -> None:
    data = DF.copy()
    data.loc[[1, 5], "age"] = np.nan
    data.loc[[5, 9], "sex"] = None
    made = design("age + sex", data)
    assert dict(made.n_dropped) == {"missing age": 2, "missing sex": 1}
    assert made.rows.tolist() == [i for i in range(N) if i not in (1, 5, 9)]
    assert len(made.matrix) == N - 3


def test_chosen_rows() -> None:
    rows = np.array([2, 3, 30])
    made = design("age + sex", DF, rows=rows)
    np.testing.assert_array_equal(made.rows, rows)
    np.testing.assert_array_equal(made.matrix[:, 0], DF["age"].iloc[rows])


def test_levels_that_nobody_has_are_left_out() -> None:
    made = design("region", DF[DF["region"] != "Nord"])
    assert made.names == ("region[T.Syd]",)
    with pytest.raises(InputError, match=r"newdata\['region'\]: .*got 'Nord' \(at row 7\)"):
        made.apply(pd.DataFrame({"region": ["Syd", "Nord"]}, index=[3, 7]))


def test_input_is_not_changed() -> None:
    before = DF.copy(deep=True)
    design("age * region + C(degree)", DF)
    pd.testing.assert_frame_equal(DF, before)


def test_variables() -> None:
    assert formula_variables("age + C(degree) + np.log(income):sex", DF) == (
        "age", "degree", "income", "sex",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("agee", "got 'agee'. Did you mean 'age'"),
        ("log(incomes)", "Did you mean 'income'"),
        ("unheard", "Columns available: age, income"),
        ("y ~ age", "the right-hand side only"),
        ("age | sex", "the right-hand side only"),
        ("age +", "a formula such as"),
        ("", "the right-hand side of a formula"),
        (".", "a formula such as"),
        ("f(age)", "possible to compute"),
        ("log(age)", "finite in every row"),
    ],
)
def test_errors_help(formula: str, words: str) -> None:
    with pytest.raises(InputError, match=r"^formula") as caught:
        design(formula, DF)
    assert words in str(caught.value)


def test_errors_of_new_data() -> None:
    made = design("age + sex", DF)
    with pytest.raises(InputError, match=r"newdata: .* got one without 'sex'"):
        made.apply(pd.DataFrame({"age": [1.0]}))
    with pytest.raises(InputError, match=r"without missing values; got 1 missing \(at row 1\)"):
        made.apply(pd.DataFrame({"age": [1.0, None], "sex": ["man", "man"]}))


def test_a_name_of_two_columns_is_refused() -> None:
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="the name of 2 columns"):
        design("a", twice)


def test_plain_sums_do_not_import_formulaic() -> None:
    code = (
        "import sys, pandas as pd\n"
        "from evalkit.core.formula import design\n"
        "made = design('a + b', pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']}))\n"
        "print(made.names, 'formulaic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('a', 'b[T.y]') False"


def test_new_data_of_other_kinds() -> None:
    made = design("age + sex", DF)
    for wrong in ({"age": [1.0], "sex": ["man"]}, DF.iloc[0]):
        with pytest.raises(InputError, match="newdata: must be a pandas DataFrame; got"):
            made.apply(wrong)  # pyright: ignore[reportArgumentType]
    text = pd.DataFrame({"age": ["1"], "sex": ["man"]})
    with pytest.raises(InputError, match=r"newdata\['age'\]: must be numbers, as in the data"):
        made.apply(text)
    inside = design("np.abs(age)", DF)
    with pytest.raises(InputError, match=r"newdata\['age'\]: must be numbers"):
        inside.apply(text)
    plain = made.apply(pd.DataFrame({"age": [1], "sex": ["man"]}))
    for age in (pd.Categorical([1]), pd.array([1], dtype="Int64"), np.array([1], dtype=object)):
        same = pd.DataFrame({"age": age, "sex": pd.Categorical(["man"], categories=["x", "man"])})
        np.testing.assert_array_equal(made.apply(same), plain)


def test_dates_are_no_covariates() -> None:
    df = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-02-01"]), "x": [1, 2]})
    with pytest.raises(InputError, match=r"formula: day: must be numbers.*Subtract a date"):
        design("x + day", df)
    with pytest.raises(InputError, match=r"formula: day: must be numbers"):
        design("day", df.assign(day=df["day"] - df["day"].min()))
    assert design("C(day)", df).matrix.shape == (2, 1)
