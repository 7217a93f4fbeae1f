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

# dev is applied, proved and destroyed. The others are the same by their test (roots).
check_sandbox() {
  as_root "the cloud, applied in the sandbox" || { count=0 && return; }
  not_checked+=("staging and prod, applied in the sandbox: tests/sandbox/run staging prod does it, in 12 minutes more")
  tests/sandbox/run dev | tee "$work/sandbox.log" || return
  count=$(sed -n 's/^\([0-9]\+\) passed, 0 failed$/\1/p' "$work/sandbox.log")
  [[ $count ]] || { say "the sandbox has proved nothing"; return 1; }
}
