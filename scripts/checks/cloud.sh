# Checks of Echo as it runs on AWS: its image, and an environment in the sandbox. scripts/test sources this file.
# shellcheck shell=bash

# as_root CHECK: succeeds if this machine can create containers and namespaces; otherwise lists CHECK as not checked.
as_root() {
  if ((EUID != 0)) || ! unshare --mount --net --pid --ipc --fork true 2>/dev/null; then
    impossible+=("$1: containers and namespaces need root on a machine that allows them")
    return 1
  fi
}

# The image matches the task definition and the documents, and a registry returns the pushed image unchanged.
check_image() {
  as_root "the image" || { count=0 && return; }
  { tests/image/run && tests/image/push; } 2>&1 | tee "$work/image.log" || return
  count=$(grep -c '^ok: ' "$work/image.log")
}

# Three sandboxes run at once, because each mostly waits: dev is applied, proved and destroyed; the other environments
# likewise, in short; and dev is changed in place without tasks. The others run at a lower priority, because the first
# proof is sensitive to load.
check_sandbox() {
  as_root "the cloud, applied in the sandbox" || { count=0 && return; }
  # Shared preparations, before the sandboxes start.
  (. "$root/scripts/sandbox-tools.sh" && containers && emulator && ECHO_IMAGE_BUILDER=buildah scripts/deliver/image && scripts/tools provider collector promql dynamodb-local python rights) >/dev/null || return
  local run runs status=0 log proved
  rm -f target/rights-{10000,15000,20000}.json
  tests/sandbox/run dev >"$work/sandbox-dev.log" &
  runs=("$!")
  ECHO_SANDBOX_OFFSET=20000 nice tests/sandbox/run --short --others >"$work/sandbox-others.log" 2>&1 &
  runs+=("$!")
  ECHO_SANDBOX_OFFSET=15000 nice tests/sandbox/run --changes --short >"$work/sandbox-changes.log" 2>&1 &
  runs+=("$!")
  # An interrupt of the terminal does not reach background jobs. SIGTERM makes each run discard its sandbox.
  trap 'kill "${runs[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
  tail --lines=+1 --follow --pid="${runs[0]}" "$work/sandbox-dev.log"
  for run in "${runs[@]}"; do wait "$run" || status=1; done
  trap 'rm -rf "$work"' EXIT
  # Afterwards: an empty account, without tasks.
  nice tests/sandbox/run --bootstrap >"$work/sandbox-bootstrap.log" || status=1
  cat "$work"/sandbox-{others,changes,bootstrap}.log
  # In all sandboxes together, calls use each right of a role. Without other environments, some rights have no use.
  ((status)) || [[ ! -e target/rights-20000.json ]] || echo-python -B tests/sandbox/proofs/rights/unused.py target/rights-{10000,15000,20000}.json || status=1
  count=0
  for log in "$work"/sandbox-*.log; do
    proved=$(sed -n 's/^\([0-9]\+\) passed, 0 failed$/\1/p' "$log")
    [[ $proved ]] || status=1
    ((count += proved))
  done
  # Again at the end: the logs are long.
  ((status == 0)) || grep --no-filename --after-context 3 '^FAILED' "$work"/sandbox-*.log || tail --lines 5 "$work"/sandbox-*.log
  return "$status"
}
