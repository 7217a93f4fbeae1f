# Check of the telemetry, from the service to the dashboard. scripts/test sources this file.
# shellcheck shell=bash

check_telemetry() {
  "$root/scripts/tools" provider python collector promql dynamodb-local || return
  debian ip iproute2 || return
  cargo build --package echo-service || return
  local plan=$work/telemetry.plan record=$work/telemetry
  mkdir "$record" && tests/telemetry/plan "$plan" || return
  TELEMETRY_PLAN=$plan scripts/generate/dashboard --check || return
  echo-python -B tests/telemetry/record.py "$plan" "$record" "$root/target/debug/echo-service" ||
    { tail -n 5 "$record"/*.log >&2; return 1; }
  TELEMETRY_PLAN=$plan TELEMETRY_RECORD=$record echo-python -B -m unittest discover --start-directory tests/telemetry --top-level-directory tests/telemetry 2>&1 |
    tee "$work/telemetry.log" || return
  count=$(sed -n 's/^Ran \([0-9]\+\) tests.*/\1/p' "$work/telemetry.log")
  [[ $count ]] || { say "no test of the telemetry ran"; return 1; }
}
