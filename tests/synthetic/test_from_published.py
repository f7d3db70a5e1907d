"""The shipped microdata rebuild byte for byte and give every published figure back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from evalkit import synthetic
from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.published.tabulate import tabulate

SIZES = {
    "mappings_2012": 3625,
    "starters_2012": 2910,
    "followed_up_2012": 3740,
    "new_participants_2010": 12517,
    "new_participants_2009": 16034,
    "measured_2010": 16821,
    "measured_2009": 12688,
    "leavers_2017": 7187,
    "leavers_after_work_oriented_2017": 3902,
}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "not yet there"
    synthetic.write_published_sets(out)
    return out


def test_the_sets_have_the_published_sizes() -> None:
    sets = synthetic.published_sets()
    assert list(sets.columns) == ["name", "n", "tables", "note"]
    assert dict(zip(sets["name"], sets["n"], strict=True)) == SIZES
    assert {name: len(synthetic.load_published_set(name)) for name in SIZES} == SIZES


def test_files_are_rebuilt_byte_for_byte(rebuilt: Path) -> None:
    shipped = data_dir("synthetic")
    surveys = ("participants", "closing", "case_workers", "steering_groups")
    names = [
        *(f"{name}.csv" for name in SIZES), "redo_trial.csv", "manifest.yaml",
        *(f"amia_surveys/{name}.csv" for name in surveys),
    ]  # fmt: skip
    built = [path for path in rebuilt.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(rebuilt).as_posix() for path in built) == sorted(names)
    for name in names:
        assert (rebuilt / name).read_bytes() == (shipped / name).read_bytes(), name


def test_another_seed_gives_other_people_with_the_same_margins(tmp_path: Path) -> None:
    synthetic.write_published_sets(tmp_path, seed=7)
    assert synthetic.check_published_sets(tmp_path)["ok"].all()
    name = "followed_up_2012.csv"
    assert (tmp_path / name).read_bytes() != (data_dir("synthetic") / name).read_bytes()


def test_every_published_cell_holds() -> None:
    checked = synthetic.check_published_sets().set_index("name")
    assert checked["ok"].all()
    assert checked["hash_equal"].all()
    assert (checked["n_cells"] == checked["n_equal"]).all()
    assert checked.loc["followed_up_2012", "n_cells"] == 400
    readings = checked["n_readings"]
    assert readings[readings > 0].to_dict() == {
        "starters_2012": 1,
        "new_participants_2010": 1,
        "new_participants_2009": 1,
        "measured_2010": 1,
        "leavers_2017": 1,
        "amia_surveys/participants": 1,
        "amia_surveys/case_workers": 5,
        "amia_surveys/steering_groups": 1,
    }


def test_loaded_sets_give_the_tables() -> None:
    df = synthetic.load_published_set("followed_up_2012")
    values = tabulate(df, "000.t3").set_index(["row", "column", "measure"])["value"]
    assert values["Totalt", "Till arbete och utbildning", "count"] == 968
    assert values["Totalt", "Till arbete och utbildning", "percent"] == 26
    assert df["outcome"].isna().sum() == 3740 - 968


def test_a_changed_file_is_noticed(rebuilt: Path, tmp_path: Path) -> None:
    shutil.copytree(rebuilt, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "leavers_2017.csv"
    df = pd.read_csv(file, dtype=str)
    df.loc[0, "sex"] = "Kvinnor" if df.loc[0, "sex"] == "Män" else "Män"
    df.to_csv(file, index=False, lineterminator="\n")
    checked = synthetic.check_published_sets(tmp_path).set_index("name")
    assert checked.index[~checked["ok"]].tolist() == ["leavers_2017"]
    assert not checked.loc["leavers_2017", "hash_equal"]
    assert checked.loc["leavers_2017", "n_equal"] < checked.loc["leavers_2017", "n_cells"]
    file.unlink()
    with pytest.raises(InputError, match="leavers_2017"):
        synthetic.check_published_sets(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sets:", "sets: [", "valid YAML"),
        ("sets:", "set:", "a mapping with the key 'sets'"),
        ("  leavers_2017:", "  leavers:", "an entry for every set.*leavers_2017"),
        ("    sha256:", "    sha:", "mappings_2012: sha256"),
        ("    n: 3625", "    n: many", "mappings_2012: n"),
        ("    - 000.t1", "    - 1", "mappings_2012: tables"),
        ("      why:", "      because:", "readings"),
    ],
)
def test_a_damaged_manifest_is_said(
    rebuilt: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (rebuilt / "manifest.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "manifest.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=rf"manifest\.yaml: must be .*{message}"):
        synthetic.check_published_sets(tmp_path)


@pytest.mark.parametrize("content", [b"", b'a,b\n"', b"sex\n\xff\n"])
def test_a_damaged_file_is_said(rebuilt: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.yaml").write_bytes((rebuilt / "manifest.yaml").read_bytes())
    (tmp_path / "mappings_2012.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"mappings_2012\.csv: must be CSV"):
        synthetic.check_published_sets(tmp_path)


def test_the_manifest_says_what_the_data_are() -> None:
    text = (data_dir("synthetic") / "manifest.yaml").read_text(encoding="utf-8")
    manifest = yaml.safe_load(text)
    assert "Syntetiska data" in manifest["notice"]
    assert "no conclusion may be drawn" in manifest["notice"]
    assert manifest["seed"] == 20120615
    sets = manifest["sets"]
    assert [r["text"] for r in sets["measured_2010"]["readings"]] == ["5759"]
    assert [r["row"] for r in sets["measured_2009"]["readings"]] == ["2009"]
    assert sets["followed_up_2012"]["variables"]["target_group"][-1] == "PILA"
    assert sets["mappings_2012"]["variables"]["age_group"][-1] == ">64"


def test_files_are_small_and_plain() -> None:
    files = list(data_dir("synthetic").rglob("*.csv"))
    assert sum(file.stat().st_size for file in files) < 5_000_000
    for file in files:
        content = file.read_bytes()
        assert b"\r" not in content
        assert content.endswith(b"\n")
        content.decode("utf-8")


def test_building_solves_no_integer_program() -> None:
    # The solver may choose another table in another version; the shipped sets must not depend
    # on it.
    code = (
        "import sys, tempfile; from evalkit import synthetic;"
        "synthetic.write_published_sets(tempfile.mkdtemp());"
        "print('scipy.optimize' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_nothing_is_written_where_building_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> pd.DataFrame:
        raise InputError("no room")

    (tmp_path / "manifest.yaml").write_text("old", encoding="utf-8")
    monkeypatch.setattr("evalkit.synthetic.from_published.reconstruct", fail)
    with pytest.raises(InputError, match="no room"):
        synthetic.write_published_sets(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.yaml"]
    assert (tmp_path / "manifest.yaml").read_text(encoding="utf-8") == "old"


def test_bad_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="followed_up_2012"):
        synthetic.load_published_set("followed_up_2011")
    with pytest.raises(InputError, match=r"manifest\.yaml"):
        synthetic.check_published_sets(tmp_path)
    with pytest.raises(InputError, match="seed"):
        synthetic.write_published_sets(tmp_path, seed=-1)
