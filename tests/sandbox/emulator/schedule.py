"""The schedules of Application Auto Scaling: `cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)` and `at(2026-12-31T22:00:00)`."""

import re
from datetime import datetime, timedelta

NAMES = {
    3: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(),
    # Sunday is 1.
    4: "SUN MON TUE WED THU FRI SAT".split(),
}
# The first value of each field.
FIRST = (0, 0, 1, 1, 1, 1970)


def is_due(expression, since, until):
    """Whether a schedule has a time after `since`, up to `until`."""
    kind, text = re.fullmatch(r"(at|cron)\((.+)\)", expression).groups()
    if kind == "at":
        return since < datetime.fromisoformat(text).replace(tzinfo=until.tzinfo) <= until
    minute = since.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute <= until:
        if fits(text, minute):
            return True
        minute += timedelta(minutes=1)
    return False


def fits(text, at):
    values = at.minute, at.hour, at.day, at.month, at.isoweekday() % 7 + 1, at.year
    return all(_fits(field, place, value) for place, (field, value) in enumerate(zip(text.split(), values, strict=True)))


def _fits(field, place, value):
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span in ("*", "?"):
            low, high = FIRST[place], value
        else:
            low = _number(first, place)
            high = _number(last, place) if last else value if step else low
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False


def _number(word, place):
    return int(word) if word.isdigit() else NAMES[place].index(word.upper()) + 1
