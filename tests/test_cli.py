"""Commands: exit codes, messages on stderr, nothing written half."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalkit import cli
from evalkit.report import runner
from evalkit.report.runner import ReportRun, Reproduction


def table(path: Path, women: int) -> Path:
    path.write_text(f"Kön,Antal\nTotalt,10\nKvinnor,{women}\nMän,4\n", encoding="utf-8")
    return path


def test_audit_says_whether_the_figures_agree(tmp_path: Path, capsys) -> None:
    assert cli.main(["audit", str(table(tmp_path / "a.csv", 6))]) == 0
    assert "0 worse than rounding" in capsys.readouterr().out
    assert cli.main(["audit", str(table(tmp_path / "b.csv", 7))]) == 1
    assert "impossible" in capsys.readouterr().out


def test_audit_with_relations(tmp_path: Path, capsys) -> None:
    relations = tmp_path / "r.yaml"
    relations.write_text("- sum: {total: {row: Kvinnor}, parts: [{row: Män}]}\n", encoding="utf-8")
    file = table(tmp_path / "a.csv", 6)
    assert cli.main(["audit", str(file), "--relations", str(relations)]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["audit", "no-such-file.csv"], "no-such-file.csv"),
        (["reproduce", "no_such_report"], "no_such_report"),
        (["reproduce", "--out", "{file}"], "must be a folder"),
        (["synth", "--check", "--out", "{folder}"], "manifest.yaml"),
    ],
)
def test_input_that_cannot_be_used(
    arguments: list[str], words: str, tmp_path: Path, capsys
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    places = {"file": tmp_path / "file", "folder": tmp_path / "folder"}
    assert cli.main([word.format(**places) for word in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("evalkit: ")
    assert words in said.err
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["audit"], ["reproduce", "--lang", "de"], ["nonsense"]])
def test_a_command_that_is_none(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(("n_equal", "code"), [(26, 0), (25, 1)])
def test_reproduce_tells_by_its_exit_code(n_equal: int, code: int, monkeypatch, capsys) -> None:
    run = ReportRun("ett", "Ett", Path("ett.html"), 1.0, n_cells=26, n_equal=n_equal)
    asked = {}

    def stands_in(names: list[str], out: str, lang: str) -> Reproduction:
        asked.update(names=names, out=out, lang=lang)
        return Reproduction((run,), Path("index.html"))

    monkeypatch.setattr(runner, "reproduce", stands_in)
    assert cli.main(["reproduce", "ett", "--out", "o", "--lang", "en"]) == code
    assert asked == {"names": ["ett"], "out": "o", "lang": "en"}
    assert capsys.readouterr().out == (
        f"ett (1.0 s): {n_equal} av 26 celler återskapade, 0 inkonsistenser i källan\nindex.html\n"
    )


def test_synth_checks_and_rebuilds(tmp_path: Path, capsys) -> None:
    assert cli.main(["synth", "--out", str(tmp_path / "data")]) == 0
    assert str(tmp_path / "data" / "manifest.yaml") in capsys.readouterr().out
    assert cli.main(["synth", "--check", "--out", str(tmp_path / "data")]) == 0
    (tmp_path / "data" / "starters_2012.csv").write_text("sex\nKvinnor\n", encoding="utf-8")
    assert cli.main(["synth", "--check", "--out", str(tmp_path / "data")]) in {1, 2}


def test_synth_takes_a_seed(tmp_path: Path, capsys) -> None:
    assert cli.main(["synth", "--out", str(tmp_path / "data"), "--seed", "7"]) == 0
    assert "seed: 7\n" in (tmp_path / "data" / "manifest.yaml").read_text(encoding="utf-8")
    assert cli.main(["synth", "--out", str(tmp_path / "none"), "--seed", "-1"]) == 2
    assert not (tmp_path / "none").exists()
    assert cli.main(["synth", "--check", "--seed", "7"]) == 2
    assert "--seed: must be left out with --check" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["sets: [", "sets: {}", "seed: 1\n"])
def test_a_damaged_manifest_is_said(content: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "manifest.yaml").write_text(content, encoding="utf-8")
    assert cli.main(["synth", "--check", "--out", str(tmp_path)]) == 2
    assert "manifest.yaml: must be" in capsys.readouterr().err


def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "evalkit.cli", "audit", "no-such-file.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no-such-file.csv" in done.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom evalkit import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'pandas', 'scipy', 'matplotlib', 'nbconvert'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_audit_takes_the_id_of_a_shipped_table(capsys) -> None:
    assert cli.main(["audit", "001.t7a"]) == 1
    assert "5\u00a0759" in capsys.readouterr().out


def test_audit_of_a_shipped_table_with_relations(tmp_path: Path, capsys) -> None:
    relations = tmp_path / "r.yaml"
    for parts, code in (("[{row: Kvinnor}, {row: Män}]", 0), ("[{row: Kvinnor}]", 1)):
        relations.write_text(f"- sum: {{total: {{row: Totalt}}, parts: {parts}}}\n", "utf-8")
        assert cli.main(["audit", "000.t3", "--relations", str(relations)]) == code
    assert capsys.readouterr().err == ""
    assert cli.main(["audit", "000.t3", "--relations", str(tmp_path / "none.yaml")]) == 2
