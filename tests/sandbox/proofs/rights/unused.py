"""Usage: unused.py [--night] RIGHTS.json...

Compares the rights of roles with the used rights in sandboxes (tests/sandbox/proofs/environment.py writes both), and with kept.json, the reasons to keep unused rights.
Prints a line for each right that is neither used nor kept, and for each kept right that is used. Exits with 1 after any line.

kept.json marks rights with `night` if only the long form of the changes uses them. With --night, RIGHTS.json is of that form, and has to use these rights.
"""

import json
import sys
from pathlib import Path

KEPT = Path(__file__).parent / "kept.json"


def compare(found, kept, night=False):
    """Rights of several sandboxes, by role: unused and not kept ones; kept ones that are used, or are no right."""
    rights, used = ({right for each in found for right in each[part]} for part in ("rights", "used"))
    never, at_night = ({right for reason in kept if reason.get("night", False) == marked for right in reason["rights"]} for marked in (False, True))
    wrong = [f"{right}: kept.json says that no call uses it, and one does. Take it out of kept.json" for right in sorted(never & used)]
    if night:
        return wrong + [f"{right}: kept.json says that changes at night use it, and none does. Remove it" for right in sorted(at_night - used)]
    expected = never | at_night
    wrong += [f"{right}: no call uses it. Remove it, or say in kept.json why the role keeps it" for right in sorted(rights - used - expected)]
    return wrong + [f"{right}: kept.json has it, and no role. Take it out of kept.json" for right in sorted(expected - rights)]


if __name__ == "__main__":
    files = [argument for argument in sys.argv[1:] if argument != "--night"]
    if not files or files[0] in ("-h", "--help"):
        sys.exit(__doc__)
    lines = compare([json.loads(Path(file).read_text()) for file in files], json.loads(KEPT.read_text()), "--night" in sys.argv)
    print(*lines, sep="\n")
    sys.exit(bool(lines))
