"""What the tests of figures share: the texts of a figure, and where they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

PIXEL = 1.0


def drawn_texts(figure: Any) -> list[tuple[str, Any]]:
    """Return every text of a figure with its box, in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = []
    for ax in figure.axes:
        texts = [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels()]
        found += [(text.get_text(), text.get_window_extent(renderer)) for text in texts
                  if text.get_text().strip() and text.get_visible()]  # fmt: skip
    return found


@pytest.fixture
def clashes() -> Callable[[Any], list[str]]:
    """Return a function that lists texts of a figure which overlap, or leave the figure."""

    def listed(figure: Any) -> list[str]:
        boxes, wrong = drawn_texts(figure), []
        for (one, a), (other, b) in combinations(boxes, 2):
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            down = min(a.y1, b.y1) - max(a.y0, b.y0)
            if across > PIXEL and down > PIXEL:
                wrong.append(f"{one!r} on {other!r}")
        edge = figure.bbox
        for text, box in boxes:
            if (box.x0 < edge.x0 - PIXEL or box.x1 > edge.x1 + PIXEL
                    or box.y0 < edge.y0 - PIXEL or box.y1 > edge.y1 + PIXEL):  # fmt: skip
                wrong.append(f"{text!r} outside")
        return wrong

    return listed
