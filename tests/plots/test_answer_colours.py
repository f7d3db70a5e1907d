"""Colours of answers: told apart by every colour vision, and read through."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from evalkit.plots.answer_colours import answer_colours
from evalkit.plots.style import text_on

SIDES = (-1, -1, 0, 1, 1)

# Viénot, Brettel and Mollon's matrices for red- and green-blindness, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(np.clip(TO_XYZ @ rgb / (TO_XYZ @ np.ones(3)), 1e-4, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("name", DEFICIENCIES)
@pytest.mark.parametrize("sides", [(-1, 0, 1), SIDES, (-1,) * 3 + (0,) + (1,) * 3,
                                   (-1,) * 4 + (0,) + (1,) * 4])  # fmt: skip
def test_colours_differ_for_every_colour_vision(name: str, sides: tuple[int, ...]) -> None:
    seen = [lab(DEFICIENCIES[name] @ linear(colour)) for colour in answer_colours(sides)]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 9


@pytest.mark.parametrize("n", range(1, 8))
def test_numbers_can_be_read_on_every_colour(n: int) -> None:
    colours = answer_colours((-1,) * n + (0,) * 3 + (1,) * n)
    assert len(colours) == 2 * n + 3
    for colour in colours:
        pair = [float(TO_XYZ[1] @ linear(c)) + 0.05 for c in (colour, text_on(colour))]
        assert max(pair) / min(pair) > 4.5


@pytest.mark.parametrize("sides", [SIDES, (-1,) * 7 + (1,) * 8, (0,) * 4, (-1, 0, 0, 1)])
def test_colours_come_in_the_order_of_the_categories(sides: tuple[int, ...]) -> None:
    colours = answer_colours(sides)
    light = [float(TO_XYZ[1] @ linear(colour)) for colour in colours]
    negative = [light[i] for i, side in enumerate(sides) if side < 0]
    positive = [light[i] for i, side in enumerate(sides) if side > 0]
    assert negative == sorted(negative)
    assert positive == sorted(positive, reverse=True)
