# Checks of the language of pages and comments. scripts/test sources this file.
# shellcheck shell=bash

# The house style by Vale, the form of Markdown, and a test of each rule.
check_prose() {
  "$root/scripts/tools" prose || return
  python3 -B -m unittest discover --start-directory tests/prose 2>&1 | tee "$work/prose.log" || return
  count=$(sed -n 's/^Ran \([0-9]\+\) tests.*/\1/p' "$work/prose.log")
  [[ $count ]] || { say "no test of the prose ran"; return 1; }
  tests/prose/check.py || return
  git ls-files -z --cached --others --exclude-standard '*.md' | xargs -0 markdownlint-cli2 --no-globs --config tests/prose/.markdownlint.yaml
}
