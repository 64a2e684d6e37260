"""The documentation's site: links lead somewhere, nothing is loaded from elsewhere, and it says what conf/ says."""

import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

pytest.importorskip("latex2mathml")
pytest.importorskip("zensical")

from docs._build import __main__ as build
from docs._build.notebooks import converted
from docs._build.options import Choice, choices, groups, read
from docs._build.pages import filled, reference
from src.core import resolvers
from src.core.commands import CONFIGURATION, prepare_arguments
from src.data.drums.grids import read_grids

TECHNIQUES = ("gan.loss", "gan.tricks", "gan.update", "evaluator.rejection", "vae.anneal")
FILES = sorted(CONFIGURATION.rglob("*/*.yaml"))
# Stand for what a reader has: such a command cannot be composed as it is.
PLACEHOLDERS = re.compile(r"…|RUN|FOLDER|SWEEP|NAME|FILE|my_|BASELINE")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "STAGE", tmp_path_factory.mktemp("stage"))
        build.main(folder)
    return folder


class Loaded(HTMLParser):
    """Addresses that a page loads by itself, without those that it links to."""

    def __init__(self, page: Path):
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [given[key] or "" for key in ("src", "href") if key in given and tag != "a"]


@pytest.mark.ci
def test_the_site_loads_nothing_from_elsewhere(site: Path):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert not [address for page in pages for address in Loaded(page).found if re.match(r"(https?:)?//", address)]
    assert not [
        sheet for sheet in site.rglob("*.css") if re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text())
    ]


@pytest.mark.ci
def test_every_page_is_in_the_navigation(site: Path):
    home = (site / "index.html").read_text()
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")} - {"404.html", "index.html"}
    assert not [page for page in pages if f'href="./{page}"' not in home]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("nowhere.md", "docs/second.md: nowhere.md is no page of the site"),
        ("#nothing", "1 issue found"),
    ],
)
def test_a_link_that_leads_nowhere_is_an_error(link: str, expected: str, tmp_path: Path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# First\n\n[there](docs/second.md#title)\n")
    (tmp_path / "docs" / "second.md").write_text(f"# Title\n\n[back](../README.md#first) [wrong]({link})\n")
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# Other\n")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "STAGE", tmp_path / "stage")
    monkeypatch.setattr(build, "reference", lambda: {"index.md": "# Options\n"})
    with pytest.raises(SystemExit) as refusal:
        build.main(tmp_path / "site")
    assert expected in str(refusal.value.code)
    (tmp_path / "docs" / "second.md").write_text("# Title\n\n[back](../README.md#first)\n")
    build.main(tmp_path / "site")
    assert 'href="second.html#title"' in (tmp_path / "site" / "index.html").read_text()


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values of a file that Hydra itself does not take."""
    if not isinstance(node, dict) or not node:
        yield key, node
        return
    for name, entry in node.items():
        if name not in ("defaults", "hydra") and not name.startswith("_"):
            yield from leaves(entry, f"{key}.{name}" if key else name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONFIGURATION).as_posix())
def test_the_reference_has_every_option_with_its_default(path: Path):
    choice = read(path)
    expected = {choice.package + key: value for key, value in leaves(yaml.safe_load(path.read_text())) if key}
    found = {each.key: yaml.safe_load(each.default) for each in choice.options}
    flat = {f"{key}.{name}": each for key, value in found.items() for name, each in leaves(value)}
    assert {key.rstrip("."): value for key, value in flat.items()} == expected
    page = reference_of(choice)
    assert choice.head.split()[-1].strip("`") in page
    assert all(f"`{each.key}`" in page for each in choice.options)


PAGES: dict[str, str] = {}


def reference_of(choice: Choice) -> str:
    PAGES.update(PAGES or reference())
    return PAGES[f"{choice.group.replace('/', '.')}.md"]


def test_meanings_come_from_the_class_and_its_bases_and_from_the_file():
    gamma, channel_max = read(CONFIGURATION / "gan.tricks" / "r1.yaml").options
    assert (gamma.key, gamma.default) == ("gan.tricks.r1.gamma", "1.0")
    assert gamma.meaning.startswith("γ; images are in [-1, 1]; R3GAN starts from it")
    assert "times the largest per-channel squared norm" in channel_max.meaning


def test_every_option_of_a_technique_has_a_meaning():
    techniques = [choice for group in groups() if group in TECHNIQUES for choice in choices(group)]
    assert not [
        each.key for choice in techniques for each in choice.options if not each.meaning and "_lr" not in each.key
    ]


def test_every_technique_has_a_place_on_a_page_of_its_family():
    pages = "".join(page.read_text() for page in (build.ROOT / "docs" / "techniques").glob("*.md"))
    told = {f"{group}/{choice.name}" for group in TECHNIQUES for choice in choices(group)}
    assert not [name for name in told if f"<!-- option {name} -->" not in pages]


def test_formulas_are_mathml():
    page = filled("before\n\n```math\n\\frac{a}{b}\n```\n\nafter")
    assert re.search(r"before.*<math.*<mfrac>.*</math>.*after", page, re.DOTALL)
    assert "```" not in page


def test_notebooks_keep_their_pictures():
    text, pictures = converted(build.ROOT / "docs" / "notebooks" / "first_run.ipynb")
    assert len(pictures) >= 2
    assert all(picture.startswith(b"\x89PNG") and f"]({name})" in text for name, picture in pictures.items())


def test_the_example_of_own_drums_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (build.ROOT / "docs" / "own_drums.md").read_text(), re.DOTALL)
    exec(code, {})
    grids, _, styles = read_grids(tmp_path / "bars.npz")
    assert grids["train"].shape == (200, 16, 9)
    assert styles == ("mine", "other")


def commands() -> list[str]:
    """The commands of training in README, docs/ and what is made for the site."""
    texts = [path.read_text() for path in build.sources() if path.suffix == ".md"]
    texts += [filled(text) for text in texts if "<!-- option" in text]
    found = {
        line
        for text in texts
        for line in re.findall(r"^ *(?:DATA_DIR=\S+ )?(python -m src\.train(?:.*\\\n)*.*)", text, re.M)
    }
    return sorted(line for line in found if not PLACEHOLDERS.search(line.partition(" #")[0]))


@pytest.mark.ci
@pytest.mark.parametrize("command", commands())
def test_documented_commands_are_spelt_right(command: str):
    resolvers.register()
    words = shlex.split(command.replace("\\\n", " "), comments=True)[3:]
    parsed = OverridesParser.create().parse_overrides(prepare_arguments([each for each in words if each[0] != "-"]))
    first = [each.input_line for each in parsed if not each.is_sweep_override()]
    for each in parsed:
        if each.is_sweep_override() and "glob" not in each.input_line and "interval" not in each.input_line:
            first.append(f"{each.key_or_group}={next(each.sweep_string_iterator())}")
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        assert compose("train", first)
