# The checks of the Terraform. scripts/test sources it; it is not run by itself.
# shellcheck shell=bash

# in_copy TOOL...: installs the tools, and goes to a copy of what git would commit, without lock files. So what Terraform writes
# into folders stays out of the checkout, and what it has left there out of the checks. The lock files of the roots pin the
# registry's build of the provider; where the registry can not be reached the provider is another build.
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

# folders_of PARENT...: the folders in these, and a failure where there is none, because a check of nothing would pass.
folders_of() {
  find "$@" -mindepth 1 -maxdepth 1 -type d | sort | grep . || { say "there is no folder in: $*"; return 1; }
}

# initialised FOLDER: has Terraform fetch the modules and the provider, once for all checks. The backend is left alone.
initialised() {
  [[ -d $1/.terraform ]] || terraform -chdir="$1" init -backend=false >"$1/init.log" 2>&1 || { cat "$1/init.log"; return 1; }
}

check_tffmt() { in_copy terraform && terraform fmt -check -diff -recursive; }

# What the tables in the READMEs say is what the variables and outputs are.
check_tfdocs() { scripts/docs --check; }

# Examples may leave versions to the module that they show.
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

# A finding is excused on the line, with the reason behind a second colon. checkov passes what it can not read, and so nothing.
check_checkov() {
  in_copy checkov || return
  checkov --config-file "$root/.checkov.yaml" --directory . | tee "$work/checkov.log" || return
  grep -q 'Passed checks: [1-9]' "$work/checkov.log" || { say "checkov has checked nothing"; return 1; }
  ! grep 'Parsing errors' "$work/checkov.log" >&2 || return
  ! grep -rnE 'checkov:skip=\w+:?\s*$' --include='*.tf' . || { say "write the reason: checkov:skip=CHECK:REASON"; return 1; }
}

# The roots, and so what they call: what a module is by itself, its tests have to load, and that validates it.
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

# One at a time for each core. What a test says is shown whole, when all have ended.
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

# tested FOLDER: runs the tests of a module. They have to plan each of its examples, of which a module has one at least.
tested() {
  [[ $1 != modules/* || -d $1/examples ]] || { say "$1 has no examples"; return 1; }
  local tests=("$1"/tests/*.tftest.hcl) example
  [[ -e ${tests[0]} ]] || { say "$1 has no tests"; return 1; }
  for example in "$1"/examples/*/; do
    [[ -d $example ]] || continue
    example=examples/$(basename "$example")
    grep -q "\"\./$example\"" "${tests[@]}" || { say "no test of $1 has the source ./$example"; return 1; }
  done
  # Without a network, where this machine lets it be taken away: nothing may ask AWS.
  local offline=(unshare --net)
  "${offline[@]}" true 2>/dev/null || offline=()
  initialised "$1" && "${offline[@]}" terraform -chdir="$1" test 2>&1 | tee "$1/test.log" || return
  grep -q 'Success!.* [1-9][0-9]* passed, 0 failed' "$1/test.log" || { say "the tests of $1 run nothing"; return 1; }
}

# That environments are values and nothing else, that one that is protected is not destroyed, and in which order one is changed.
check_roots() {
  "$root/scripts/tools" provider || return
  use_terraform
  python3 -B -m unittest tests/terraform/test_environments.py tests/terraform/test_protection.py tests/terraform/test_quotas.py tests/terraform/test_order.py
}

# What scripts/cost makes of a plan.
check_cost() { python3 -B -m unittest tests/terraform/test_cost.py; }
