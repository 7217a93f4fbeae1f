#!/usr/bin/env python3
"""Checks the prose of pages, comments and descriptions. Usage: tests/prose/check.py [FILE...]

Without files, checks all files of the checkout. Vale judges single sentences by the house style in styles/Echo. Vale
reads Markdown here: a file of code is reduced to its comments, docstrings and descriptions, each at its line. This
program measures each page, and the comments of each folder, and checks the width of comments."""

import ast
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Limits: pronouns in 100 words, and headless clauses in 1,000 words.
PRONOUNS, HEADLESS = 7, 3
PRONOUN = re.compile(
    r"\b(?:its?|that|th[oe]se|this|what(?:ever)?|which|who(?:m|se|ever)?|ones?|them|they|theirs?|t?here|nobody)\b", re.I
)
CLAUSE = re.compile(r"\b(?:what(?:ever)?|who(?:m|ever)?) \w+", re.I)
# A folder with fewer words says little about its language.
ENOUGH = 150
WIDTH = 120
SLASHES, HASH = re.compile(r"\s*//[/!]? ?(.*)"), re.compile(r"\s*#(?![!\w]) ?(.*)")
COMMENT = {".rs": SLASHES, ".go": SLASHES, ".java": SLASHES, ".mjs": SLASHES} | dict.fromkeys((".py", ".sh", ".tf", ".hcl", ".yml", ".toml", ""), HASH)
# Rows of tables in help and docstrings.
HELP = re.compile(r"#  |\w+ {2,}\S")
DIRECTIVE = re.compile(r"(shellcheck|tflint-ignore|checkov:|zizmor:|noqa|SPDX)\S*[ :=]")
# A resource's description stays as it is, because a new one replaces some resources.
DESCRIPTION, RESOURCE = re.compile(r'\s*(?:description|error_message)\s*=\s*"(.*)"'), re.compile(r"resource .*{")


def documented(text):
    """The numbers of the lines of a Python file's docstrings."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node):
            found |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return found


def prose(path, text):
    """The prose of a file as Markdown, with each sentence at its line."""
    suffix, lines = path.suffix, text.splitlines()
    if suffix == ".md":
        generated = re.search(r"<!-- BEGIN_TF_DOCS.*?END_TF_DOCS -->", text, re.S)
        return text.replace(generated[0], "\n" * generated[0].count("\n")) if generated else text
    docstrings = documented(text) if suffix == ".py" else ()
    told, in_resource = [], False
    for number, line in enumerate(lines, 1):
        comment = COMMENT[suffix].fullmatch(line)
        in_resource = bool(RESOURCE.match(line)) or in_resource and not line.startswith("}")
        description = DESCRIPTION.fullmatch(line) if suffix == ".tf" and not in_resource else None
        if number in docstrings:
            told.append("" if HELP.match(line.strip()) else line.strip().replace('"""', ""))
        elif comment and not (DIRECTIVE.match(comment[1]) or HELP.match(line)):
            told.append(comment[1])
        else:
            told.append(description[1] if description else "")
    return "\n".join(told) + "\n"


def wide(path, text):
    """Complaints about comments that are wider than the code."""
    if path.suffix not in COMMENT:
        return []
    too_wide = [(number, line) for number, line in enumerate(text.splitlines(), 1) if len(line) > WIDTH and not HELP.match(line) and not re.search("://|//! [|]", line)]
    return [f"{path}:{number}: a comment of {len(line)} columns: wrap it at {WIDTH}" for number, line in too_wide if COMMENT[path.suffix].fullmatch(line)]


def measured(name, text):
    """Complaints about the language of a page or of a folder's comments."""
    plain = re.sub(r"^```.*?^```$|^#.*?$|<[^>]+>", "", text, flags=re.S | re.M)
    plain = re.sub(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", re.sub(r"`[^`]*`", "code", plain))
    words = len(re.findall(r"[A-Za-z]+", plain))
    pronouns, headless = 100 * len(PRONOUN.findall(plain)), 1000 * len(CLAUSE.findall(plain))
    told = []
    if words >= ENOUGH and pronouns > PRONOUNS * words:
        told.append(f"{name}: {pronouns / words:.1f} pronouns in 100 words: write nouns, at most {PRONOUNS}")
    if words >= ENOUGH and headless > HEADLESS * words:
        told.append(f"{name}: {headless / words:.1f} clauses with what or who in 1,000 words: name the thing, at most {HEADLESS}")
    return told


def judged(texts):
    """Vale's complaints about {path: Markdown}."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            file = pathlib.Path(folder, f"{path}.md")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        config = ROOT / "tests/prose/vale.ini"
        done = subprocess.run(["vale", "--config", config, "--output", "line", "."], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or done.stderr.strip():
        sys.exit(f"vale failed: {done.stderr or done.stdout}")
    return [re.sub(r"\.md(?=:\d)", "", line, count=1) for line in done.stdout.splitlines()]


def complaints(files):
    """All complaints about {path: text}."""
    texts = {path: prose(path, text) for path, text in files.items()}
    groups = {}
    for path, text in texts.items():
        groups.setdefault(path if path.suffix == ".md" else path.parent, []).append(text)
    told = [told for path, text in files.items() for told in wide(path, text)]
    told += [told for name, parts in groups.items() for told in measured(name, "\n".join(parts))]
    return told + judged(texts)


def written(path):
    """Whether a person has written prose into the file."""
    known = path.suffix in COMMENT.keys() | {".md"} and path.name not in ("LICENSE", "Dockerfile")
    return known and not path.name.startswith(".")


def main():
    names = sys.argv[1:]
    if not names:
        names = subprocess.check_output(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True).split()
    paths = [path for path in map(pathlib.Path, names) if written(path) and (ROOT / path).is_file()]
    told = complaints({path: (ROOT / path).read_text() for path in paths})
    print(*told, sep="\n")
    print(f"{len(paths)} files, {len(told)} complaints")
    sys.exit(bool(told) or not paths)


if __name__ == "__main__":
    main()
