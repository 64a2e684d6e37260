"""Collects the pages of the site and builds it: python -m docs._build [folder of the site].

Pages are README, CONTRIBUTING, CHANGELOG, docs/ and its notebooks, with what `pages.py` makes from conf/. They are put
into `.cache/docs`, where links lead from page to page of the site. A link or an anchor that leads nowhere is an error.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from docs._build.measured import measured
from docs._build.notebooks import converted
from docs._build.pages import MARKER, filled, reference

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / ".cache" / "docs"
MOVED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)(?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?=\))")
MEASURED = "<!-- measured -->"
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def main(site: Path) -> None:
    """Builds the site into a folder; ends with an error where a link is broken."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for source in sources():
        write(placed(source), page(source))
    for name, text in reference().items():
        write(f"reference/{name}", text)
    config = STAGE / "mkdocs.yml"
    config.write_text(yaml.safe_dump(settings(), allow_unicode=True, sort_keys=False))
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", config]
    built = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if built.returncode:
        sys.exit(built.stderr.partition("Traceback")[0] or built.stderr)
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(STAGE / "site", site)


def sources() -> list[Path]:
    """The files of the repository that become pages or pictures of the site."""
    docs = [path for path in sorted((ROOT / "docs").rglob("*")) if path.suffix in (".md", ".png", ".css", ".ipynb")]
    return [*(ROOT / name for name in MOVED), *(path for path in docs if "_build" not in path.parts)]


def placed(source: Path) -> str:
    """Where a file of the repository is in the site."""
    path = source.relative_to(ROOT).as_posix()
    return MOVED.get(path) or path.removeprefix("docs/").replace(".ipynb", ".md")


def page(source: Path) -> bytes:
    if source.suffix == ".ipynb":
        text, pictures = converted(source)
        for name, picture in pictures.items():
            write(f"notebooks/{name}", picture)
    elif source.suffix == ".md":
        text = with_results(source.read_text(), source.stem)
    else:
        return source.read_bytes()
    parts = FENCE.split(text)
    return filled("".join(part if index % 2 else relinked(part, source) for index, part in enumerate(parts))).encode()


def with_results(text: str, stem: str) -> str:
    """A page about techniques with what was measured of them in place of its marker."""
    if MEASURED not in text:
        return text
    table, picture = measured({(found["group"], found["name"]) for found in MARKER.finditer(text)})
    if picture:
        name = f"measured_{stem}.png"
        write(f"techniques/{name}", picture)
        table += f"\n![Curves over training, mean and 95 % interval over seeds]({name})\n"
    return text.replace(MEASURED, table)


def relinked(text: str, source: Path) -> str:
    """Markdown whose links between files of the repository lead between pages of the site."""
    known = set(sources())

    def link(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / found["path"]))
        if target.is_file():
            if target not in known:  # data or code, which the site gives to read
                write(placed(target), target.read_bytes())
            return os.path.relpath(ROOT / placed(target), (ROOT / placed(source)).parent) + (found["anchor"] or "")
        if (STAGE / "pages" / placed(target)).is_file():  # a picture of a notebook
            return found[0]
        sys.exit(f"{source.relative_to(ROOT)}: {found['path']} is no page of the site")

    return LINK.sub(link, text)


def write(name: str, content: str | bytes) -> None:
    path = STAGE / "pages" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def settings() -> dict[str, Any]:
    """The site's settings: those of site.yml, without pages that are not there, and with those that it does not name."""
    chosen = yaml.safe_load(Path(__file__).with_name("site.yml").read_text())
    there = {path.relative_to(STAGE / "pages").as_posix() for path in (STAGE / "pages").rglob("*.md")}
    named: set[str] = set()

    def present(entries: list[Any]) -> list[Any]:
        kept = []
        for entry in entries:
            ((title, content),) = entry.items()
            if isinstance(content, list):
                kept.append({title: present(content)})
            elif content in there:
                kept.append(entry)
                named.add(content)
        return kept

    nav = present(chosen["nav"])
    groups = sorted(name for name in there - named if name.startswith("reference/"))
    nav[-1:-1] = [{"Reference": [{"Overview": "reference/index.md"}, *({Path(n).stem: n} for n in groups if n != "reference/index.md")]}]
    others = sorted(there - named - set(groups))
    nav += [{"Further pages": [{Path(name).stem: name} for name in others]}] if others else []
    return {**chosen, "nav": nav, "docs_dir": "pages", "site_dir": "site"}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site")
