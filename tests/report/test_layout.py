"""The page in a browser: as it is laid out at a desk and on a phone, and what its script does."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from src.report.write import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--allow-file-access-from-files", "--virtual-time-budget=20000", "--enable-logging=stderr", "--dump-dom"),
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium to show the page")
WIDTHS = (1280, 390)
# Frames have the widths, since a window is not let be as narrow as a phone. `look` is called with each frame's document
# and window, and what it returns of each is printed.
FRAMES = """<!doctype html><body>{frames}<pre></pre><script>
const wait = () => new Promise(resolve => setTimeout(resolve, 300));
addEventListener("load", async () => {{
  const seen = [];
  try {{
    const look = {look};
    for (const frame of document.querySelectorAll("iframe")) {{
      seen.push(await look(frame.contentDocument, frame.contentWindow));
    }}
  }} catch (error) {{ seen.push(String(error.stack)); }}
  document.querySelector("pre").textContent = JSON.stringify(seen);
}});
</script></body>"""
# How wide the page and its window are, and what sticks out, with everything opened that opens on a click.
MEASURE = """async page => {
  const root = page.documentElement;
  page.querySelectorAll("details").forEach(one => { one.open = true; });
  await wait();
  const wide = [...page.querySelectorAll("main *")].filter(one =>
    one.getBoundingClientRect().right > root.clientWidth + 1
    && !one.parentElement.closest(".table, pre, .scroll, svg"));
  const small = [...page.querySelectorAll(".plot text")].map(one => one.getBoundingClientRect().height);
  return [root.scrollWidth, root.clientWidth, wide.map(one => one.outerHTML.slice(0, 120)), Math.min(...small)];
}"""
USE = """async (page, view) => {
  const found = {}, blocked = [];
  page.addEventListener("securitypolicyviolation", event => blocked.push(event.violatedDirective));
  page.querySelectorAll("details").forEach(one => { one.open = true; });
  await wait();
  const tables = [...page.querySelectorAll(".table > table")];
  const tools = table => table.parentElement.previousElementSibling;
  const ranking = tables.find(one => one.textContent.trim().startsWith("rank"));
  const names = () => [...ranking.tBodies[0].rows].map(row => row.cells[1].firstChild.textContent);
  const header = [...ranking.querySelectorAll("th button")].find(one => one.textContent.startsWith("modes"));
  header.click();
  found.ascending = names();
  header.click();
  found.descending = names();
  let copied = "";
  Object.defineProperty(view.navigator, "clipboard", { value: { writeText: async text => { copied = text; } } });
  [...tools(ranking).querySelectorAll("button")].pop().click();
  await wait();
  found.csv = copied;
  const runs = tables.find(one => one.tBodies[0].rows.length === 11), filter = tools(runs).querySelector("input");
  filter.value = "out of memory";
  filter.dispatchEvent(new view.Event("input"));
  found.filtered = [...runs.tBodies[0].rows].filter(row => !row.hidden).length;
  const columns = () => [...page.querySelectorAll(".columns thead code")].map(one => one.textContent);
  found.picked = columns();
  [...page.querySelectorAll(".picker .toggle")].find(one => one.textContent === "gan_hinge").click();
  await wait();
  found.three = columns();
  const count = query => page.querySelectorAll(query).length;
  found.side = [count(".columns img"), count(".picker .plot svg"), count(".picker .strip")];
  const figure = page.querySelector("figure.chart"), lines = () => figure.querySelectorAll(".mean").length;
  const plot = figure.querySelector(".plot svg");
  plot.dispatchEvent(new view.PointerEvent("pointermove", { clientX: plot.getBoundingClientRect().right - 12 }));
  found.values = figure.querySelector(".values").textContent;
  found.on = lines();
  [...figure.querySelectorAll(".toggle")].find(one => one.textContent === "gan_fm").click();
  found.off = lines();
  found.blocked = blocked;
  return found;
}"""


def shown(page: Path, folder: Path, widths: tuple[int, ...], look: str) -> tuple[list[Any], str]:
    """What `look` returns at each width, and all that the browser said."""
    frames = "".join(
        f'<iframe src="{page.as_uri()}" style="width: {width}px; height: 900px; border: 0"></iframe>'
        for width in widths
    )
    (folder / "frames.html").write_text(FRAMES.format(frames=frames, look=look))
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", (folder / "frames.html").as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(unescape(re.search(r"<pre>(.+?)</pre>", result.stdout, re.DOTALL)[1])), result.stderr


def test_nothing_is_wider_than_the_window(study, annealing, make_run, tmp_path: Path) -> None:
    """Both families on one page, long names, long errors and long commands among them."""
    name = "gan gan.tricks=[r1,ema,spectral_norm,minibatch_discrimination] gan.discriminator.normalisation_of_layers=8"
    make_run(name, folder="long", status="failed", error=f"ValueError: {'gan.discriminator.' * 12}width")
    report = write_report([study], tmp_path / "out")
    found, _ = shown(report.page, tmp_path, WIDTHS, MEASURE)
    assert len(found) == len(WIDTHS)
    for width, (wide, window, sticking_out, least) in zip(WIDTHS, found, strict=True):
        assert width - 20 <= window <= width, "less a scroll bar"
        assert not sticking_out
        assert wide <= window
        assert least > 9, "labels of charts are readable"


def test_the_script_sorts_filters_copies_and_compares(study, tmp_path: Path) -> None:
    """And the page's Content-Security-Policy stops nothing of the page's own."""
    report = write_report([study], tmp_path / "out")
    (found,), said = shown(report.page, tmp_path, (1280,), USE)
    assert found["ascending"] == ["gan_hinge", "gan_standard", "gan_fm"]
    assert found["descending"] == found["ascending"][::-1]
    header, *rows = found["csv"].splitlines()
    assert header.startswith("rank,name,name: detail,n,KL ↓,KL ↓: detail,modes ↑,modes ↑: detail")
    assert [row.split(",")[1] for row in rows] == found["descending"]
    assert rows[0].startswith("1,gan_fm,,3,0.112,0.0471 … 0.177,25.7,24.6 … 26.0")
    assert found["filtered"] == 1
    assert found["picked"] == ["gan_fm", "gan_standard"]
    assert found["three"] == ["gan_fm", "gan_standard", "gan_hinge"]
    assert found["side"] == [4, 2, 4], (
        "two samples of two names, two quantities, shares of three names and of real data"
    )
    assert re.search(r"300 images.*gan_standard: 22\.7", found["values"])
    assert (found["on"], found["off"]) == (3, 2)
    assert not found["blocked"]
    assert not re.findall(r".*(?:CONSOLE|Content Security Policy).*", said)
