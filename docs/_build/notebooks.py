"""Notebooks, with the output they were committed with, as Markdown."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def converted(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook's Markdown, and its pictures by the file names that it gives them."""
    pictures: dict[str, bytes] = {}
    parts = [part for cell in json.loads(notebook.read_text())["cells"] for part in _cell(cell, notebook.stem, pictures)]
    return "\n\n".join(parts) + "\n", pictures


def _cell(cell: dict[str, Any], stem: str, pictures: dict[str, bytes]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            name = f"{stem}_{len(pictures)}.png"
            pictures[name] = base64.b64decode("".join(data["image/png"]))
            yield f"![Output of the cell above]({name})"
        elif "text/html" in data:
            yield "".join(data["text/html"])
        elif text := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
            yield f"```text\n{text}\n```"
