#!/usr/bin/env python3
"""Runs the examples of a page, and compares their output with the page. Usage: tests/examples.py PAGE URL

The examples are the commands of all ```console blocks, in the order of the page and in one shell, as a reader pastes them. URL is the
address of a fresh service that stands in for http://127.0.0.1:8080. Ids and dates may differ, and nothing else. Needs bash, curl and jq.
"""

import re
import subprocess
import sys
from pathlib import Path

ADDRESS = "http://127.0.0.1:8080"
ITS_OWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=^date: ).*", re.M)
END = "--- end of output ---"


def examples(page: str) -> list[tuple[str, str]]:
    """The commands of a page, each with its output. Lines indented by four spaces below `$ ` continue the command."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.S | re.M):
        for example in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command = re.match(r".*\n(?:    .*\n)*", example)[0]
            found.append((command.rstrip("\n"), example[len(command) :]))
    return found


def differences(page: str, url: str) -> list[str]:
    """One text for each example whose output is not the page's."""
    shown = examples(page)
    script = "".join(f"{command}\nprintf '\\n%s\\n' '{END}'\n" for command, _ in shown).replace(ADDRESS, url)
    shell = ["bash", "--noprofile", "--norc", "-c", script]
    told = subprocess.run(shell, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    outputs = told.stdout.replace("\r", "").replace(url, ADDRESS).split(f"{END}\n")[:-1]
    if len(outputs) != len(shown):
        return [f"{len(outputs)} of {len(shown)} examples were run:\n{told.stdout}"]
    plain = lambda text: ITS_OWN.sub("…", text).strip("\n")
    return [
        f"$ {command}\nshown:\n{expected}\nreal:\n{real}"
        for (command, expected), real in zip(shown, outputs)
        if plain(expected) != plain(real)
    ]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    text = Path(sys.argv[1]).read_text()
    count = len(examples(text))
    if not count:
        sys.exit(f"{sys.argv[1]} has no example")
    if wrong := differences(text, sys.argv[2]):
        sys.exit("\n\n".join(wrong))
    print(f"{sys.argv[1]}: {count} examples are as shown")
