"""Draws a dashboard's layout: each widget at its place, with its title, kind and content.

Usage: drawing.py PLAN >SVG
"""

import re
import sys
import textwrap
from html import escape
from pathlib import Path

from plan import Plan

# A cell of CloudWatch's grid, 24 to a row. Lower than CloudWatch's: text needs less room than curves.
WIDTH, HEIGHT, GAP, TITLE, LINE = 60, 27, 4, 17, 15
COLOURS = {"text": "#f2f3f3", "alarm": "#fde7e7", "metric": "#e9f1fb", "chart": "#e8f5e9", "log": "#fff6df"}
KINDS = {"text": "text", "alarm": "alarms", "metric": "metrics of AWS", "chart": "the service's metrics, PromQL", "log": "log"}
# The labels of this environment, which are in every expression.
OF_THIS = re.compile(r', "@resource\.service\.name"="[^"]*", "@resource\.deployment\.environment\.name"="[^"]*"')


def shown(widget):
    """The content of a widget, line by line."""
    properties = widget["properties"]
    match widget["type"]:
        case "text":
            return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", properties["markdown"]).splitlines()[1:]
        case "alarm":
            return [" · ".join(arn.rpartition(":")[2].removeprefix("echo-test-") for arn in properties["alarms"])]
        case "log":
            return properties["query"].split(" | ")
        case "metric":
            named = [(options["label"], f"{name} {options['stat']}") for _, name, *_, options in properties["metrics"]]
            lines = [f"line of {line['label']}: {line['value']}" for line in properties.get("annotations", {}).get("horizontal", [])]
            return [what if what.startswith(label) else f"{label}: {what}" for label, what in named] + lines
        case "chart":
            return [f"{query['label']}: {OF_THIS.sub('', query['query'])}" for query in properties["data"]["queries"]]


def box(widget):
    x, y = widget["x"] * WIDTH, widget["y"] * HEIGHT
    width, height = widget["width"] * WIDTH - GAP, widget["height"] * HEIGHT - GAP
    title = widget["properties"].get("title") or widget["properties"]["markdown"].splitlines()[0].removeprefix("# ")
    titles = textwrap.wrap(title, int(width / 8.5))
    lines = [
        part for line in shown(widget) for part in textwrap.wrap(line, int(width / 7.4), subsequent_indent="  ", break_on_hyphens=False)
    ]
    top = y + 18 + TITLE * len(titles)
    if top + LINE * (len(lines) - 1) > y + height - 4:
        raise ValueError(f"{title}: {len(lines)} lines do not fit")
    texts = [(y + 17 + TITLE * at, "t", line) for at, line in enumerate(titles)]
    texts += [(top + LINE * at, "e", line) for at, line in enumerate(lines)]
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{COLOURS[widget["type"]]}" stroke="#879596"/>'
    yield f'<text class="k" x="{x + width - 6}" y="{y + height - 6}" text-anchor="end">{KINDS[widget["type"]]}</text>'
    for at, style, line in texts:
        yield f'<text class="{style}" x="{x + 8}" y="{at}" xml:space="preserve">{escape(line)}</text>'


def drawing(widgets):
    bottom = max(widget["y"] + widget["height"] for widget in widgets)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * WIDTH} {bottom * HEIGHT}">',
            "<style>text{font-family:sans-serif;fill:#16191f}.t{font-size:15px;font-weight:bold}.k{font-size:11px;fill:#545b64}.e{font-family:monospace;font-size:12px}</style>",
            '<rect width="100%" height="100%" fill="white"/>',
            *(line for widget in widgets for line in box(widget)),
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(drawing(Plan(Path(sys.argv[1])).widgets))
