# The checks that run Echo as it runs on AWS: its image, and an environment in the sandbox. scripts/test sources it; it is not run
# by itself.
# shellcheck shell=bash

# as_root WHAT: notes that WHAT is not checked where nobody may make containers and namespaces.
as_root() {
  if ((EUID != 0)) || ! unshare --mount --net --pid --ipc --fork true 2>/dev/null; then
    impossible+=("$1: making containers and namespaces needs root, and a machine that lets it")
    return 1
  fi
}

# The image is as the task definition and the documents say, and a registry gives back what was pushed to it.
check_image() {
  as_root "the image" || { count=0 && return; }
  { tests/image/run && tests/image/push; } 2>&1 | tee "$work/image.log" || return
  count=$(grep -c '^ok: ' "$work/image.log")
}

# dev is applied, proved and destroyed; staging and prod as well, in short and in a sandbox of their own beside it, as all of them wait
# most of the time. dev goes first where both want the machine: what is proved there is sensitive to it.
check_sandbox() {
  as_root "the cloud, applied in the sandbox" || { count=0 && return; }
  # What both would make at the same time.
  (. "$root/scripts/sandbox-tools.sh" && containers && emulator && ECHO_IMAGE_BUILDER=buildah scripts/image && scripts/tools provider collector promql dynamodb-local) >/dev/null || return
  local others status=0 log proved
  ECHO_SANDBOX_OFFSET=20000 nice tests/sandbox/run --short staging prod >"$work/sandbox-others.log" 2>&1 &
  others=$!
  tests/sandbox/run dev | tee "$work/sandbox-dev.log" || status=1
  wait "$others" || status=1
  cat "$work/sandbox-others.log"
  count=0
  for log in "$work"/sandbox-*.log; do
    proved=$(sed -n 's/^\([0-9]\+\) passed, 0 failed$/\1/p' "$log")
    [[ $proved ]] || status=1
    ((count += proved))
  done
  return "$status"
}
