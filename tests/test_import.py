"""What importing evalkit costs, counted in modules rather than in seconds."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import evalkit

HEAVY = {"pandas", "numpy", "scipy", "matplotlib", "seaborn", "statsmodels", "numba", "nbclient"}
MODULES = sorted(m.name for m in pkgutil.walk_packages(evalkit.__path__, "evalkit."))


def loaded_after(code: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_import_is_light() -> None:
    assert not loaded_after("import evalkit; evalkit.__version__; dir(evalkit)") & HEAVY


def test_command_line_help_is_light() -> None:
    code = "import contextlib, evalkit.cli\nwith contextlib.suppress(SystemExit):\n"
    code += "    evalkit.cli.main(['--help'])"
    assert not loaded_after(code) & HEAVY


def test_kernels_need_neither_pandas_nor_scipy_stats() -> None:
    kernels = [name for name in MODULES if name.startswith("evalkit.kernels.")]
    loaded = loaded_after(f"import {', '.join(kernels)}")
    assert set(kernels) <= loaded
    assert not loaded & {"pandas", "matplotlib", "seaborn", "numba", "scipy.stats"}


def test_a_first_fit_waits_for_nothing_slow() -> None:
    code = """
import pandas as pd
from evalkit import survival
df = pd.DataFrame({"days": [3, 1, 4, 1, 5], "ended": [1, 0, 1, 1, 0], "x": [0, 1, 1, 0, 1]})
survival.kaplan_meier(df, duration="days", event="ended", by="x").rmst(3)
survival.logrank(df, duration="days", event="ended", by="x")
survival.rmst_difference(df, duration="days", event="ended", by="x", reference=0, tau=3)
survival.cox("x", df, duration="days", event="ended").to_frame()"""
    slow = {"scipy.special", "scipy.linalg", "scipy.stats", "numba", "matplotlib"}
    assert not loaded_after(code) & slow


@pytest.mark.parametrize("name", evalkit.__all__)
def test_subpackages_arrive_on_first_use(name: str) -> None:
    assert getattr(evalkit, name) is importlib.import_module(f"evalkit.{name}")
    assert name in dir(evalkit)


def test_every_subpackage_is_listed() -> None:
    there = {name.split(".")[1] for name in MODULES if name.count(".") == 1}
    assert set(evalkit.__all__) | {"cli"} == there


def test_unknown_names_raise_the_usual_error() -> None:
    with pytest.raises(AttributeError, match="'evalkit' has no attribute 'nothing'"):
        evalkit.nothing  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_exported_names_exist(name: str) -> None:
    module = importlib.import_module(name)
    for exported in getattr(module, "__all__", []):
        assert hasattr(module, exported), f"{name}.{exported}"
