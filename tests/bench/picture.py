"""Curves as SVG, one panel each, beside the straight line through the origin and the last point."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _GAP, _MARGIN = 240, 160, 60, 40


@dataclass(frozen=True)
class Curve:
    """One panel.

    Attributes:
        title: what goes up.
        x: positions, rising, more than 0.
        y: values, more than 0.
    """

    title: str
    x: Sequence[float]
    y: Sequence[float]


def plot(below: str, curves: Sequence[Curve]) -> str:
    """The panels side by side.

    Args:
        below: what goes to the right.
        curves: one for each panel.
    """
    width = 2 * _MARGIN + len(curves) * (_WIDTH + _GAP) - _GAP
    height = _HEIGHT + 2 * _MARGIN
    style = "text{font:12px sans-serif;fill:#555}.axis{stroke:#999;fill:none}.line{stroke:#999;stroke-dasharray:4}"
    panels = [_panel(curve, below, _MARGIN + number * (_WIDTH + _GAP)) for number, curve in enumerate(curves)]
    body = "\n".join(panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">\n'
        f"<style>{style}.curve{{stroke:#d95f02;stroke-width:2;fill:none}}.dot{{fill:#d95f02}}</style>\n{body}\n</svg>\n"
    )


def _panel(curve: Curve, below: str, left: float) -> str:
    bottom, right = _MARGIN + _HEIGHT, left + _WIDTH
    widest, highest = max(curve.x), max(curve.y)
    points = [
        (left + _WIDTH * x / widest, bottom - 0.95 * _HEIGHT * y / highest)
        for x, y in zip(curve.x, curve.y, strict=True)
    ]
    last = points[-1]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = [
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x - 6:.1f}" y="{y - 7:.1f}" '
        f'text-anchor="middle">{value:.3g}</text>'
        for (x, y), value in zip(points, curve.y, strict=True)
    ]
    ticks = [
        f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:,.0f}</text>'
        for (x, _), tick in zip(points, curve.x, strict=True)
    ]
    return "\n".join(
        (
            f'<text x="{left}" y="{_MARGIN - 20}">{curve.title}</text>',
            f'<path class="axis" d="M{left} {_MARGIN - 10}V{bottom}H{right}"/>',
            f'<path class="line" d="M{left} {bottom}L{last[0]:.1f} {last[1]:.1f}"/>',
            f'<polyline class="curve" points="{path}"/>',
            *marks,
            *ticks,
            f'<text x="{left + _WIDTH / 2}" y="{bottom + 32}" text-anchor="middle">{below}</text>',
        )
    )
