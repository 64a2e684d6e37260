"""The page as a browser lays it out, at a desk and on a phone."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from src.report.write import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--allow-file-access-from-files", "--virtual-time-budget=20000", "--dump-dom"),
)
WIDTHS = (1280, 390)
# Frames have the widths, since a window is not let be as narrow as a phone. Says of each how wide the page and its
# window are, and what sticks out, with everything opened that opens on a click.
FRAMES = """<!doctype html><body>{frames}<pre></pre><script>
addEventListener("load", () => {{
  document.querySelector("pre").textContent = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    page.querySelectorAll("details").forEach(one => one.open = true);
    const wide = [...page.querySelectorAll("main *")].filter(one =>
      one.getBoundingClientRect().right > root.clientWidth + 1
      && !one.parentElement.closest(".table, pre, figure:not(.gallery)"));
    return [root.scrollWidth, root.clientWidth, wide.map(one => one.outerHTML.slice(0, 120))];
  }}));
}});
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium to lay the page out")
def test_nothing_is_wider_than_the_window(study, annealing, make_run, tmp_path: Path) -> None:
    """Both families on one page, long names, long errors and long commands among them."""
    name = "gan gan.tricks=[r1,ema,spectral_norm,minibatch_discrimination] gan.discriminator.normalisation_of_layers=8"
    make_run(name, folder="long", status="failed", error=f"ValueError: {'gan.discriminator.' * 12}width")
    report = write_report([study], tmp_path / "out")
    frames = "".join(
        f'<iframe src="{report.page.as_uri()}" style="width: {width}px; height: 900px; border: 0"></iframe>'
        for width in WIDTHS
    )
    (tmp_path / "frames.html").write_text(FRAMES.format(frames=frames))
    command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "frames.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = json.loads(unescape(re.search(r"<pre>(.+?)</pre>", shown, re.DOTALL)[1]))
    assert len(found) == len(WIDTHS)
    for width, (wide, window, sticking_out) in zip(WIDTHS, found, strict=True):
        assert width - 20 <= window <= width, "less a scroll bar"
        assert not sticking_out
        assert wide <= window
