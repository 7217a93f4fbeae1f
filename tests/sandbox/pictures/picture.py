"""Draws a dashboard with its data as CloudWatch does. dashboard.py has the content."""

from datetime import timedelta
from math import nan
from textwrap import wrap
from typing import NamedTuple

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.dates import DateFormatter, MinuteLocator
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator

# In pixels, from the upper left corner: a cell of CloudWatch's grid of 24 columns; the space above the grid; the gaps
# between and in widgets.
DPI, COLUMN, ROW, TOP, SPACE = 100, 80, 40, 44, 8
WIDTH = 24 * COLUMN + SPACE
LINE, TILE_WIDTH, TILE_HEIGHT = 18, 300, 32
TITLE, SMALL, FIXED = {"size": 10, "weight": "bold"}, {"size": 8.5}, {"size": 8, "family": "monospace"}
INK, GREY, RULE, PAPER, ALARM = "#16191f", "#687078", "#e3e6e8", "#f2f3f3", "#b1200a"
STATES = {
    "OK": ("OK", "#e3f2e1", "#1d6b02"),
    "ALARM": ("in alarm", "#fdd8d0", ALARM),
    "INSUFFICIENT_DATA": ("insufficient data", "#eceff1", GREY),
}
# Colours of log levels.
LEVELS = {"ERROR": ALARM, "WARN": "#855900"}
# Maximum distance of joined points. A wider gap means missing data.
GAP = timedelta(seconds=90)
MEASURE = RendererAgg(1, 1, DPI)


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


def width_of(words, style):
    return MEASURE.get_text_width_height_descent(words, FontProperties(**style), ismath=False)[0]


def cut(words, most):
    return words if len(words) <= most else f"{words[: most - 1]}…"


def letters(words, width, style):
    """The number of characters that fit, by their average width."""
    return int(width * len(words) / (width_of(words, style) or 1))


class Picture:
    def __init__(self, height):
        self.height = height
        self.figure = Figure((WIDTH / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
        self.page = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        self.page.axis("off")

    def text(self, left, base, words, style, colour=INK, **more):
        self.page.text(left, base, words, color=colour, parse_math=False, **style, **more)

    def card(self, box, colour="white", edge=RULE):
        size = box.right - box.left, box.bottom - box.top
        self.page.add_patch(FancyBboxPatch(box[:2], *size, boxstyle="round,pad=0,rounding_size=4", fc=colour, ec=edge, lw=1))

    def title(self, box, words):
        """Writes a title over one or more lines, and returns the rest of the box."""
        lines = wrap(words, letters(words, box.right - box.left, TITLE))
        for at, line in enumerate(lines):
            self.text(box.left, box.top + 12 + LINE * at, line, TITLE)
        return box._replace(top=box.top + LINE * len(lines) + 4)

    def lines(self, box, lines):
        for at, line in enumerate(lines):
            self.text(box.left, box.top + 12 + LINE * at, cut(line, letters(line, box.right - box.left, SMALL)), SMALL)

    def nothing(self, box):
        self.text((box.left + box.right) / 2, (box.top + box.bottom) / 2, "no data", {"size": 12}, GREY, ha="center", va="center")

    def alarms(self, box, states):
        columns = int((box.right - box.left) // TILE_WIDTH)
        width = (box.right - box.left + SPACE) / columns
        for at, (name, state) in enumerate(states.items()):
            left, top = box.left + at % columns * width, box.top + at // columns * (TILE_HEIGHT + SPACE)
            words, colour, ink = STATES.get(state, (state, "white", GREY))
            self.card(Box(left, top, left + width - SPACE, top + TILE_HEIGHT), colour, colour)
            self.text(left + SPACE, top + 21, name, TITLE | SMALL, ink)
            self.text(left + width - 2 * SPACE, top + 21, words, SMALL, ink, ha="right")

    def legend(self, box, curves):
        """Writes the labels in rows, and returns the rest of the box."""
        left, base = box.left, box.top + 11
        for at, (label, points) in enumerate(curves.items()):
            words = label if points or not any(curves.values()) else f"{label}: no data"
            width = 14 + width_of(words, SMALL)
            if left + width > box.right and left > box.left:
                left, base = box.left, base + LINE
            self.page.plot([left, left + 9], [base - 4] * 2, color=f"C{at}", lw=3, solid_capstyle="butt")
            self.text(left + 14, base, words, SMALL, INK if points else GREY)
            left += width + 2 * SPACE
        return box._replace(top=base + 14)

    def curves(self, box, curves, thresholds, start, end):
        """Draws curves, and across them a line with its label at each threshold."""
        left, top, right, bottom = box = self.legend(box, curves)
        if not any(curves.values()):
            self.nothing(box)
            return
        # Room for numbers beside and below, and for half of the last time.
        left, right, bottom = left + 52, right - 12, bottom - 20
        at = (left / WIDTH, 1 - bottom / self.height, (right - left) / WIDTH, (bottom - top) / self.height)
        axes = self.figure.add_axes(at, xlim=(start, end), facecolor="none")
        for number, points in enumerate(curves.values()):
            # The first curves are broader, so that they show below equal ones.
            style = {"lw": 1.4 + 2 * (1 - (number + 1) / len(curves)), "marker": ".", "ms": 5, "clip_on": False}
            axes.plot(*zip(*with_gaps(points), strict=True), color=f"C{number}", **style)
        values = [value for points in curves.values() for _, value in points]
        for label, value in thresholds.items():
            axes.axhline(value, color=ALARM, lw=0.8, ls="--")
            axes.text(0.995, value, label, transform=axes.get_yaxis_transform(), ha="right", va="bottom", color=ALARM, **SMALL)
        axes.set_ylim(0, max(*values, *thresholds.values(), 0) * 1.12 or 1)
        axes.xaxis.set_major_locator(MinuteLocator(byminute=range(0, 60, 5)))
        axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
        are_whole = all(value == int(value) for value in values)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=are_whole))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(labelsize=8, colors=GREY, length=0)
        axes.grid(axis="y", color=RULE, lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        axes.spines.bottom.set(visible=True, color=GREY, lw=0.8)

    def table(self, box, fields, rows):
        """Rows of text in columns of their own width. The broadest columns are cut to fit."""
        if not rows:
            self.nothing(box)
            return
        # Two lines: the heads of the columns, and the number of omitted rows.
        shown = rows[: int((box.bottom - box.top) // LINE) - 2]
        columns = [column for column in zip(fields, *shown, strict=True) if any(column[1:])]
        widths = [max(map(len, column)) for column in columns]
        room = int((box.right - box.left) / width_of("M" * 100, FIXED) * 100) - 2 * (len(columns) - 1)
        while sum(widths) > room:
            widths[widths.index(max(widths))] -= 1
        lines = ["  ".join(cut(it, width).ljust(width) for it, width in zip(row, widths, strict=True)) for row in zip(*columns, strict=True)]
        colours = [GREY, *(next((LEVELS[it] for it in row if it in LEVELS), INK) for row in shown), GREY]
        if len(rows) > len(shown):
            lines.append(f"and {len(rows) - len(shown)} more")
        for at, line in enumerate(lines):
            self.text(box.left, box.top + 12 + LINE * at, line, FIXED, colours[at])


def with_gaps(points):
    """Points, with None before each late one, so that a line ends there."""
    for at, (time, value) in enumerate(points):
        if at and time - points[at - 1][0] > GAP:
            yield time, nan
        yield time, value


def draw(widgets, title, start, end, file):
    """Draws widgets with their content: words, states of alarms, curves, or fields and rows of a log."""
    widgets = list(widgets)
    picture = Picture(TOP + ROW * max(widget["y"] + widget["height"] for widget, _ in widgets) + SPACE)
    picture.text(2 * SPACE, 28, title, {"size": 13, "weight": "bold"})
    picture.text(WIDTH - 2 * SPACE, 28, f"{start:%Y-%m-%d, %H:%M} to {end:%H:%M} UTC", {"size": 11}, GREY, ha="right")
    for widget, shown in widgets:
        left, top = widget["x"] * COLUMN + SPACE, TOP + widget["y"] * ROW
        box = Box(left, top, left + widget["width"] * COLUMN - SPACE, top + widget["height"] * ROW - SPACE)
        picture.card(box)
        inner = Box(box.left + SPACE + 2, box.top + SPACE, box.right - SPACE - 2, box.bottom - SPACE + 2)
        match widget["type"]:
            case "text":
                heading, lines = shown
                picture.lines(picture.title(inner, heading), lines)
            case "alarm":
                picture.alarms(picture.title(inner, widget["properties"]["title"]), shown)
            case "metric" | "chart":
                thresholds = {it["label"]: it["value"] for it in widget["properties"].get("annotations", {}).get("horizontal", [])}
                picture.curves(picture.title(inner, widget["properties"]["title"]), shown, thresholds, start, end)
            case "log":
                picture.table(picture.title(inner, widget["properties"]["title"]), *shown)
    picture.figure.savefig(file)
