# Checks of the workflows and of the scripts in them. scripts/test sources this file.
# shellcheck shell=bash

# Syntax of the workflows and of the example's workflow, and their shell lines.
check_actionlint() {
  "$root/scripts/tools" actionlint python && actionlint -shellcheck "$(command -v shellcheck)" .github/workflows/*.yml examples/*/workflow.yml
}

# Security of the workflows.
check_zizmor() { "$root/scripts/tools" python && zizmor --offline --pedantic --no-progress .github; }

check_pipeline() {
  "$root/scripts/tools" terraform python rights cyclonedx || return
  echo-python -B -m unittest discover --start-directory tests/pipeline 2>&1 | tee "$work/pipeline.log" || return
  count=$(sed -n 's/^Ran \([0-9]\+\) tests in .*/\1/p' "$work/pipeline.log")
  ((count > 0)) || { say "no test of the pipeline ran"; return 1; }
}
