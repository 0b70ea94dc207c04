"""Colours can be told from each other: contrast as the web's accessibility guidelines ask for.

Source: WCAG 2.2, success criteria 1.4.3 (text, 4.5 to 1) and 1.4.11 (graphics, 3 to 1).
"""

import re

import pytest

from lunzi.report.page import STYLE

SHADES = [f"{kind}-{shade}" for kind in ("right", "wrong") for shade in range(1, 7)]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def schemes() -> dict[str, dict[str, str]]:
    dark = STYLE.index("@media screen and (prefers-color-scheme: dark)")
    light = colours(STYLE[:dark])
    return {"light": light, "dark": light | colours(STYLE[dark : STYLE.index("}\n}", dark)])}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


both = pytest.mark.parametrize("scheme", schemes().values(), ids=schemes())


def test_black_on_white_has_the_largest_contrast():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_dark_scheme_has_its_own_colours():
    assert len(schemes()["light"]) >= 20
    assert all(schemes()["light"][name] != schemes()["dark"][name] for name in ("paper", "ink"))


@both
@pytest.mark.parametrize("name", ["ink", "soft", "right", "wrong", "third", "fourth"])
def test_text_can_be_read_on_the_paper(scheme, name):
    assert contrast(scheme[name], scheme["paper"]) >= 4.5


@both
def test_the_command_can_be_read_on_its_panel(scheme):
    assert contrast(scheme["ink"], scheme["panel"]) >= 4.5


@both
@pytest.mark.parametrize("shade", SHADES)
def test_counts_can_be_read_on_every_shade(scheme, shade):
    assert contrast(scheme["ink"], scheme[shade]) >= 4.5


@both
def test_lines_and_bars_stand_out_from_the_paper(scheme):
    for name in ("right", "wrong", "other"):
        assert contrast(scheme[name], scheme["paper"]) >= 3


@both
def test_a_stronger_shade_is_further_from_the_paper(scheme):
    for kind in ("right", "wrong"):
        steps = [contrast(scheme[f"{kind}-{shade}"], scheme["paper"]) for shade in range(1, 7)]
        assert steps == sorted(steps)
