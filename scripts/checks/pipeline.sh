# The checks of the pipeline: its workflows, and what its scripts do. scripts/test sources it; it is not run by itself.
# shellcheck shell=bash

# What workflows say, and what their shell lines do.
check_actionlint() { "$root/scripts/tools" actionlint python && actionlint -shellcheck "$(command -v shellcheck)"; }

# What others could do by them.
check_zizmor() { "$root/scripts/tools" python && zizmor --offline --pedantic --no-progress .github; }

check_pipeline() {
  "$root/scripts/tools" terraform python cyclonedx || return
  echo-python -B -m unittest discover --start-directory tests/pipeline 2>&1 | tee "$work/pipeline.log" || return
  count=$(sed -n 's/^Ran \([0-9]\+\) tests in .*/\1/p' "$work/pipeline.log")
  ((count > 0)) || { say "no test of the pipeline was run"; return 1; }
}
