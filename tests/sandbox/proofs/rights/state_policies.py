"""Usage: state_policies.py STATE.tfstate...

Compares every policy in these states of Terraform with AWS's reference (statements.py). Prints a line for each fault, then the number of policies.
"""

import json
import sys
from pathlib import Path

import statements


def policies_in(state):
    """Each policy of a state, with the address of its resource."""
    for resource in state["resources"]:
        if resource["mode"] != "managed":
            continue
        address = ".".join(filter(None, (resource.get("module"), resource["type"], resource["name"])))
        for instance in resource["instances"]:
            for document in _documents(instance["attributes"]):
                yield address, document


def _documents(value):
    if isinstance(value, (dict, list)):
        # Inline policies are separate resources. The copy in the role is as old as the last refresh.
        for part in [part for name, part in value.items() if name != "inline_policy"] if isinstance(value, dict) else value:
            yield from _documents(part)
    elif isinstance(value, str) and value.startswith("{") and '"Statement"' in value:
        yield json.loads(value)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    found = [policy for file in sys.argv[1:] for policy in policies_in(json.loads(Path(file).read_text()))]
    for line in dict.fromkeys(f"{address}: {fault}" for address, document in found for fault in statements.faults(document)):
        print(line)
    print(f"{len(found)} policies")
