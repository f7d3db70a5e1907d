"""The synthetic ReDO trial: published counts, known truth, honest labels, equal bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from evalkit import published, synthetic
from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.synthetic.redo import KINDS, SCALES, TIMES

TRUTH = synthetic.redo_truth()


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    return synthetic.load_redo_trial()


def test_every_published_count_holds(trial: pd.DataFrame) -> None:
    printed = published.load("004.redo").to_frame().set_index("row")["value"]
    redo = trial[trial["arm"] == "ReDO"]
    assert redo["started"].sum() == printed["Deltagare som började i grupperna"] == 54
    assert redo["group"].nunique() == printed["Grupper som startade"] == 10
    assert redo["completed"].sum() == printed["Fullföljde programmet"] == 31
    assert redo["broke_off"].notna().sum() == printed["Avbröt programmet"] == 23
    after = redo["after_programme"].value_counts()
    assert after["annan verksamhet"] == printed["Gått vidare till annan verksamhet"] == 23
    medical = printed["Bedömts behöva ytterligare medicinsk behandling"]
    assert after["medicinsk behandling"] == medical == 8
    assert synthetic.compare_redo(trial).equal


@pytest.mark.parametrize("seed", range(20))
def test_they_hold_in_every_draw(seed: int) -> None:
    drawn = synthetic.synthetic_redo(rng=seed, truth=synthetic.redo_truth(effect=0, icc=0.15))
    assert synthetic.compare_redo(drawn).n_equal == 7
    assert sorted(drawn["group"].value_counts()) == [5] * 6 + [6] * 4
    assert (drawn.groupby(["wave", "arm"]).size() == 12).all()
    in_blocks = drawn.groupby("block")["arm"].agg(["size", lambda arm: (arm == "ReDO").sum()])
    assert set(in_blocks["size"]) <= {4, 6}
    assert (in_blocks.iloc[:, 1] * 2 == in_blocks["size"]).all()


def test_a_deviation_is_found(trial: pd.DataFrame) -> None:
    changed = trial.copy()
    person = changed.index[changed["after_programme"] == "annan verksamhet"][0]
    changed.loc[person, "after_programme"] = "medicinsk behandling"
    outcome = synthetic.compare_redo(changed)
    assert (outcome.n_equal, outcome.n_cells) == (5, 7)
    assert outcome.differences["computed"].tolist() == [22, 9]
    with pytest.raises(InputError, match="after_programme"):
        synthetic.compare_redo(trial.drop(columns="after_programme"))


def test_the_programme_hangs_together(trial: pd.DataFrame) -> None:
    control = trial["arm"] == "kontroll"
    assert not trial.loc[control, ["started", "completed", "meetings"]].to_numpy().any()
    only_redo = ["group", "not_started", "broke_off", "after_programme"]
    assert trial.loc[control, only_redo].isna().all(axis=None)
    redo = trial[~control]
    assert (redo["group"].notna() == (redo["started"] == 1)).all()
    assert (redo["not_started"].notna() == (redo["started"] == 0)).all()
    reasons = redo[["not_started", "broke_off", "after_programme"]].notna().sum(axis=1)
    assert (reasons == 1).all()
    assert redo.loc[redo["completed"] == 1, "meetings"].between(16, 22).all()
    assert redo.loc[redo["broke_off"].notna(), "meetings"].between(1, 12).all()
    assert trial["person"].is_unique


def test_outcomes_lie_where_they_can(trial: pd.DataFrame) -> None:
    ranges = {"mastery": (7, 28), "rses": (0, 30), "pss": (0, 56)}
    assert {name: (one.low, one.high) for name, one in SCALES.items()} == ranges
    for name, (low, high) in ranges.items():
        for time in ("0", *TIMES):
            scores = trial[f"{name}_{time}"].dropna()
            assert scores.between(low, high).all()
            assert (scores % 1 == 0).all()
    assert trial["health_16w"].dropna().isin(range(1, 6)).all()
    assert trial["days_12m"].between(1, 365).all()
    assert (trial["left_12m"] == 0).sum() == (trial["days_12m"] == 365).sum() - (
        trial.loc[trial["left_12m"] == 1, "days_12m"] == 365
    ).sum()


def test_who_is_missing_stays_missing_and_has_a_reason(trial: pd.DataFrame) -> None:
    gone = np.column_stack([trial[f"mastery_{time}"].isna() for time in TIMES])
    assert (gone[:, 1:] >= gone[:, :-1]).all()
    for time in TIMES:
        for name in SCALES:
            reason = trial[f"no_answer_{time}"].notna()
            assert (trial[f"{name}_{time}"].isna() == reason).all()
    share = trial["mastery_12m"].isna().groupby(trial["arm"]).mean()
    assert share.between(0.07, 0.40).all()
    registers = trial[["in_activity_16w", "in_work_12m", "days_12m", "left_12m"]]
    assert registers.notna().all(axis=None)


def test_estimates_over_many_trials_find_the_truth() -> None:
    source = np.random.default_rng(11)
    frame = TRUTH.to_frame().set_index("outcome")
    complete = ["in_activity_16w", "in_work_12m", "days_12m"]
    draws = []
    for _ in range(120):
        means = synthetic.synthetic_redo(rng=source).groupby("arm")[complete].mean()
        draws.append(means.loc["ReDO"] - means.loc["kontroll"])
    found = pd.DataFrame(draws)
    z = (found.mean() - frame["itt"][complete]) / (found.std() / np.sqrt(len(found)))
    assert (z.abs() < 3.3).all()


def test_the_truth_agrees_with_itself() -> None:
    frame = TRUTH.to_frame().set_index("outcome")
    np.testing.assert_allclose(frame["redo"] - frame["control"], frame["itt"], rtol=1e-12)
    np.testing.assert_allclose(frame["started"], frame["itt"] / 0.9, rtol=1e-9)
    assert TRUTH.among("mastery_6m", "never started") == 0
    by_kind = [TRUTH.among("pss_16w", kind) for kind in KINDS]
    np.testing.assert_allclose(np.dot(TRUTH.shares, by_kind), TRUTH.itt("pss_16w"))
    assert TRUTH.mean("in_activity_16w", "ReDO", "completed") == pytest.approx(23 / 31)
    assert (frame["itt_by_completion"].abs() > frame["completed"].abs()).all()


def test_a_day_in_the_insurance_is_counted_from_the_distribution() -> None:
    daily = TRUTH.leaving(0)[2]
    days = np.arange(365)
    expected = [((1 - p) ** days).sum() for p in daily]
    found = TRUTH.mean("days_12m", "kontroll", "completed")
    assert found == pytest.approx(np.average(expected, weights=(0.4, 0.6)))


def test_no_effect_is_no_effect() -> None:
    frame = synthetic.redo_truth(effect=0, icc=0).to_frame()
    np.testing.assert_allclose(frame["itt"], 0, atol=1e-12)


def test_groups_are_alike_when_icc_is_high() -> None:
    truth = synthetic.redo_truth(icc=0.8)
    shares = []
    for seed in range(15):
        trial = synthetic.synthetic_redo(rng=seed, truth=truth).dropna(subset=["group"])
        scores = trial["mastery_16w"].groupby(trial["group"])
        shares.append(scores.mean().var() / trial["mastery_16w"].var())
    assert np.mean(shares) > 0.5


def test_the_same_seed_gives_the_same_trial() -> None:
    one, same, other = (synthetic.synthetic_redo(rng=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_it_says_that_it_is_synthetic(trial: pd.DataFrame) -> None:
    for frame in (trial, synthetic.synthetic_redo(rng=1)):
        assert frame.attrs["notice"] == synthetic.REDO_NOTICE
    for words in ("Syntetiska data", "Published", "Invented", "randomised to each arm"):
        assert words in synthetic.REDO_NOTICE
    manifest = yaml.safe_load((data_dir("synthetic") / "manifest.yaml").read_text("utf-8"))
    assert manifest["trials"]["redo_trial"]["notice"] == synthetic.REDO_NOTICE


def test_the_shipped_file_is_what_the_generator_draws(trial: pd.DataFrame) -> None:
    drawn = synthetic.synthetic_redo(rng=1)
    assert list(drawn.columns) == list(trial.columns)
    texts = [name for name in trial if drawn[name].dtype.kind not in "iuf"]
    assert all(trial[name].dtype == drawn[name].dtype for name in texts)


def test_damage_is_said(tmp_path: Path) -> None:
    synthetic.write_published_sets(tmp_path)
    assert synthetic.check_published_sets(tmp_path).set_index("name")["ok"]["redo_trial"]
    file, manifest = tmp_path / "redo_trial.csv", tmp_path / "manifest.yaml"
    assert file.read_bytes() == (data_dir("synthetic") / "redo_trial.csv").read_bytes()
    text = file.read_text("utf-8")
    file.write_text(text.replace("annan verksamhet", "medicinsk behandling", 1), "utf-8")
    checked = synthetic.check_published_sets(tmp_path).set_index("name").loc["redo_trial"]
    assert (checked["hash_equal"], checked["n_equal"], checked["ok"]) == (False, 5, False)
    file.write_bytes(b"")
    with pytest.raises(InputError, match=r"must be CSV in UTF-8"):
        synthetic.check_published_sets(tmp_path)
    file.unlink()
    with pytest.raises(InputError, match=r"no .*redo_trial\.csv"):
        synthetic.check_published_sets(tmp_path)
    manifest.write_text(manifest.read_text("utf-8").replace("  redo_trial:", "  other:"), "utf-8")
    with pytest.raises(InputError, match="trials: redo_trial"):
        synthetic.check_published_sets(tmp_path)


@pytest.mark.parametrize("bad", [{"effect": -1}, {"effect": 3}, {"icc": 1}, {"icc": -0.1}])
def test_truths_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        synthetic.redo_truth(**bad)


def test_questions_without_an_answer_are_refused() -> None:
    with pytest.raises(InputError, match="outcome"):
        TRUTH.itt("mastery")
    with pytest.raises(InputError, match="arm"):
        TRUTH.mean("mastery_16w", "CAU")
    with pytest.raises(InputError, match="kind"):
        TRUTH.mean("mastery_16w", "ReDO", "slept")
    with pytest.raises(InputError, match="kinds"):
        TRUTH.among("mastery_16w")


def test_reasons_to_break_off_are_those_of_the_handbook() -> None:
    """Page 57: the language, falling ill again, another need. How many gave which is invented."""
    trial = synthetic.load_redo_trial()
    reasons = {"återinsjuknade", "annat behov", "svårt att förstå språket"}
    assert set(trial["broke_off"].dropna()) == reasons
    assert "which of the published reasons" in synthetic.REDO_NOTICE
