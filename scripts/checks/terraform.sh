# Checks of the Terraform. scripts/test sources this file.
# shellcheck shell=bash

# in_copy TOOL...: installs the tools, and enters a copy of all files that git would commit, without lock files. Files
# written by Terraform thus stay out of the checkout, and earlier files out of the checks. The lock files of the roots
# pin the registry's build of the provider, and a machine without the registry has another build.
in_copy() {
  "$root/scripts/tools" "$@" || return
  use_terraform
  local copy=$work/copy
  if [[ ! -d $copy ]]; then
    mkdir "$copy"
    git ls-files -z --cached --others --exclude-standard | grep -zv '\.terraform\.lock\.hcl$' |
      tar --create --null --ignore-failed-read --files-from - | tar --extract --directory "$copy" || return
  fi
  cd "$copy" || return
}

# folders_of PARENT...: prints the subfolders. Fails if none exist, because a check of nothing would pass.
folders_of() {
  find "$@" -mindepth 1 -maxdepth 1 -type d | sort | grep . || { say "no folders in: $*"; return 1; }
}

# initialised FOLDER: makes Terraform fetch modules and provider, once for all checks, without the backend.
initialised() {
  [[ -d $1/.terraform ]] || terraform -chdir="$1" init -backend=false >"$1/init.log" 2>&1 || { cat "$1/init.log"; return 1; }
}

check_tffmt() { in_copy terraform && terraform fmt -check -diff -recursive; }

# The inputs and outputs in the READMEs match the code, and the usage blocks match tested examples.
check_tfdocs() { scripts/generate/module-readmes --check && python3 -B -m unittest tests/terraform/test_usage.py; }

# Examples may leave versions to their module.
check_tflint() {
  in_copy tflint || return
  local folders folder options status=0
  folders=$(folders_of modules modules/*/examples infra environments) || return
  for folder in $folders; do
    options=(--config "$root/.tflint.hcl" --chdir "$folder")
    [[ $folder != */examples/* ]] || options+=(--disable-rule=terraform_{required_version,required_providers,unused_required_providers})
    TFLINT_PLUGIN_DIR=$ECHO_TOOLS/bin tflint "${options[@]}" || status=1
  done
  return "$status"
}

# An exception is a comment on the line, with the reason behind a second colon. checkov passes files that it cannot
# parse, and an empty folder.
check_checkov() {
  in_copy checkov || return
  checkov --config-file "$root/.checkov.yaml" --directory . | tee "$work/checkov.log" || return
  grep -q 'Passed checks: [1-9]' "$work/checkov.log" || { say "checkov checked nothing"; return 1; }
  ! grep 'Parsing errors' "$work/checkov.log" >&2 || return
  ! grep -rnE 'checkov:skip=\w+:?\s*$' --include='*.tf' . || { say "write the reason: checkov:skip=CHECK:REASON"; return 1; }
}

# Validates the roots with all called modules. For a single module, loading its tests is a validation.
check_tfvalidate() {
  in_copy provider || return
  local folders folder status=0
  folders=$(folders_of environments) || return
  for folder in $folders; do
    say "-- $folder"
    initialised "$folder" && terraform -chdir="$folder" validate || status=1
  done
  return "$status"
}

# Runs one test for each core at a time. Prints each log whole, after the last test.
check_tftest() {
  in_copy provider || return
  local folders folder log status=0
  folders=$(folders_of modules infra) || return
  for folder in $folders; do
    (($(jobs -rp | wc -l) < $(nproc))) || wait -n
    { tested "$folder" || echo "failed: $folder"; } >"$work/tftest-${folder/\//-}.log" 2>&1 &
  done
  wait
  count=0
  for folder in $folders; do
    log=$work/tftest-${folder/\//-}.log
    say "-- $folder"
    cat "$log"
    ! grep -q "^failed: $folder$" "$log" || status=1
    ((count += $(sed -n 's/.*Success!.* \([0-9]\+\) passed, 0 failed.*/\1/p' "$log" | grep . || echo 0)))
  done
  return "$status"
}

# tested FOLDER: runs the tests of a module. A module needs an example, and a test that plans each example.
tested() {
  [[ $1 != modules/* || -d $1/examples ]] || { say "$1 has no examples"; return 1; }
  local tests=("$1"/tests/*.tftest.hcl) example
  [[ -e ${tests[0]} ]] || { say "$1 has no tests"; return 1; }
  for example in "$1"/examples/*/; do
    [[ -d $example ]] || continue
    example=examples/$(basename "$example")
    grep -q "\"\./$example\"" "${tests[@]}" || { say "no test of $1 has the source ./$example"; return 1; }
  done
  # Without a network, if this machine allows to remove it: no test may call AWS.
  local offline=(unshare --net)
  "${offline[@]}" true 2>/dev/null || offline=()
  initialised "$1" && "${offline[@]}" terraform -chdir="$1" test 2>&1 | tee "$1/test.log" || return
  grep -q 'Success!.* [1-9][0-9]* passed, 0 failed' "$1/test.log" || { say "no test of $1 ran"; return 1; }
}

# Environments hold values only; a protected environment is not destroyed; changes have a safe order; the sandbox finds
# calls in a wrong order.
check_roots() {
  "$root/scripts/tools" provider || return
  use_terraform
  python3 -B -m unittest tests/terraform/test_environments.py tests/terraform/test_protection.py tests/terraform/test_quotas.py tests/terraform/test_order.py tests/sandbox/emulator/order/test_order.py tests/sandbox/emulator/test_repeats.py tests/sandbox/emulator/test_firewall.py tests/sandbox/emulator/test_scaling.py tests/sandbox/emulator/network/test_network.py
}

# Prices that scripts/deliver/cost calculates from a plan.
check_cost() { python3 -B -m unittest tests/terraform/test_cost.py; }

# The plan of each root's first apply, without AWS: costs on the page, and tags.
check_plans() {
  "$root/scripts/tools" provider || return
  use_terraform
  python3 -B tests/terraform/planned.py "$work/plans" && ROOT_PLANS=$work/plans scripts/generate/costs --check || return
  ROOT_PLANS=$work/plans python3 -B -m unittest discover --start-directory tests/terraform --pattern test_plans.py
}
