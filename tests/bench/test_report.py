"""What a run leaves: a report, every value, and a picture that can be read anywhere."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

import pytest

from tests.bench.__main__ import main
from tests.bench.contenders import IDENTITY, OURS
from tests.bench.figures import Figure, Figures
from tests.bench.load import LoadFailed
from tests.bench.plot import drawn
from tests.bench.profiling import summary
from tests.bench.report import Report
from tests.bench.run import Run
from tests.bench.scenarios import scenarios
from tests.support.proxy import ROOT

TIMES: Final = "\N{MULTIPLICATION SIGN}"
SVG: Final = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def figures() -> Figures:
    made = Figures()
    for cpu in (100.0, 120.0, 140.0):
        made.next_round()
        made.note("a", IDENTITY.key, Figure.CPU_PER_EVENT, cpu)
        made.note("a", OURS.key, Figure.CPU_PER_EVENT, cpu * 1.04)
        made.note("c", IDENTITY.key, Figure.REQUESTS, 500.0)
        made.note("c", OURS.key, Figure.REQUESTS, 250.0)
    return made


def report(figures: Figures) -> Report:
    return Report(figures, scenarios(3.0), "scripts/bench", rounds=3, seconds=3.0)


def test_it_says_of_each_target_whether_it_is_reached(figures: Figures) -> None:
    said = report(figures).markdown()
    assert "| CPU per event, 40 streams at 50 a second, µs |  | 120.0 | 124.8 |  |" in said
    assert f"beside bare mitmdump | ≤ 1.05 {TIMES} | 1.04 {TIMES} | reached |" in said
    assert f"beside bare mitmdump | ≥ 0.8 {TIMES} | 0.50 {TIMES} | **missed** |" in said
    assert said.count("| not measured |") > 5
    assert "| mitmdump with this addon | 124.8 (104.0…145.6) |" in said


def test_every_value_is_in_the_json(figures: Figures) -> None:
    said = json.loads(json.dumps(report(figures).as_json()))
    assert len(said["values"]) == 12
    assert said["values"][0] == {
        "round": 1,
        "scenario": "a",
        "contender": "identity",
        "figure": "cpu_per_event",
        "unit": "µs",
        "value": 100.0,
    }


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314


def test_the_picture_shows_the_medians(figures: Figures) -> None:
    shown = texts(drawn(figures))
    assert shown[0] == "CPU per event, 40 streams at 50 a second"
    assert {"+ a function", "120.0", "+ this addon", "124.8"} <= set(shown)


def test_what_was_not_measured_leaves_no_gap() -> None:
    assert texts(drawn(Figures())) == []


def pictures() -> list[Path]:
    return [*(ROOT / "scripts").glob("bench*.svg")]


@pytest.mark.parametrize("path", [None, *pictures()], ids=lambda path: path and path.name)
def test_a_picture_is_readable_on_any_page_and_asks_nobody(
    figures: Figures, path: Path | None
) -> None:
    picture = path.read_text("utf-8") if path else drawn(figures)
    root = ET.fromstring(picture)  # noqa: S314 - our own
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "style", "rect", "g", "text", "line"}
    (style,) = (element.text or "" for element in root.iter(f"{SVG}style"))
    assert "@media (prefers-color-scheme: dark)" in style
    assert "url(" not in style
    card = root.find(f"{SVG}rect")
    assert card is not None
    assert root.get("viewBox") == f"0 0 {card.get('width')} {card.get('height')}"


def test_the_readme_shows_the_picture_of_a_run_with_all_contenders() -> None:
    assert "(scripts/bench.svg)" in (ROOT / "README.md").read_text("utf-8")
    shown = texts((ROOT / "scripts" / "bench.svg").read_text("utf-8"))
    assert {"mitmdump", "+ a function", "+ this addon", "LiteLLM"} <= set(shown)


def test_a_profile_is_summed_up_without_what_waits() -> None:
    mitmproxy = "/x/lib/python3.13/site-packages/mitmproxy/proxy/layer.py"
    table = summary(
        [
            f"main (/x/bin/mitmdump);Layer.handle_event ({mitmproxy}) 60",
            f"main (/x/bin/mitmdump);follow ({ROOT}/addon/translate/shortcut.py) 30",
            "main (/x/bin/mitmdump);run (/x/lib/python3.13/asyncio/runners.py) 10",
            "main (/x/bin/mitmdump);EpollSelector.select (/x/lib/python3.13/selectors.py) 900",
            "run (/x/lib/python3.13/threading.py);_worker (/x/concurrent/futures/thread.py) 9",
        ]
    )
    assert "| mitmproxy | 60.0% |\n| addon/translate | 30.0% |\n| asyncio | 10.0% |" in table
    assert "| `Layer.handle_event (mitmproxy/proxy/layer.py)` | 60.0% |" in table
    assert "select" not in table


def test_one_command_measures_and_writes_it_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--only", "c,micro", "--rounds", "1", "--seconds", "0.1", "--output", str(tmp_path)]
    main(given)
    printed = capsys.readouterr().out
    assert (tmp_path / "bench.md").read_text("utf-8") in printed
    assert "short requests, on 16 connections at once" in printed
    values = json.loads((tmp_path / "bench.json").read_text("utf-8"))["values"]
    assert {value["scenario"] for value in values} == {"c", "c1", "micro"}
    # on a machine that is busy, nothing of a kind may come to its end in so short a time
    assert any(value["value"] > 0 for value in values)
    assert "CPU per short request" in texts((tmp_path / "bench.svg").read_text("utf-8"))


def test_what_fails_is_told_and_is_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Run) -> None:
        raise LoadFailed("an answer has 3 events in place of 4")

    monkeypatch.setattr(Run, "do", broken)
    with pytest.raises(SystemExit, match="3 events in place of 4"):
        main(["--output", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "a,z"])
    assert "no such part: z" in capsys.readouterr().err
