# Shared functions. Each script sources this file first.
# shellcheck shell=bash
set -euo pipefail

# The checkout, and the cache of tools from `scripts/tools`. The cache is outside of the checkout, so that a clean clone
# finds it.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Not exported: echo-service refuses unknown variables that begin with ECHO_.
ECHO_TOOLS=${ECHO_TOOLS:-$HOME/.cache/echo}
export root PATH="$ECHO_TOOLS/bin:$PATH"

# say WORDS: prints a message on stderr. stdout is for results.
say() { printf '%s\n' "$*" >&2; }

# die WORDS: ends the script with the reason.
die() {
  say "${0##*/}: $*"
  exit 1
}

# usage: prints the calling script's help, the comment at its top.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# need COMMAND ADVICE: ends the script with ADVICE if COMMAND is missing.
need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }

# quietly NAME LOG COMMAND...: runs a slow installation with its output in LOG. Prints a line at the start, at the end,
# and every 20 seconds. After a failure, prints the end of LOG.
quietly() (
  what=$1 log=$2
  shift 2
  mkdir -p "${log%/*}"
  say "installing $what"
  SECONDS=0
  # The sleep outlives this loop, so it must not keep the script's output open.
  while sleep 20 >/dev/null 2>&1; do say "  ${SECONDS} s: $(tail -n 1 "$log" | cut -c 1-100)"; done &
  trap 'kill "$!"' EXIT
  ("$@") >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    die "the installation of $what failed (the end of its output is above; the whole output is in $log)"
  }
  say "installed $what in $SECONDS s"
)

# alone NAME COMMAND...: runs COMMAND while no other checkout on this machine runs a command under this NAME.
alone() (
  mkdir -p "$ECHO_TOOLS/log"
  exec 9>"$ECHO_TOOLS/log/$1.lock"
  flock --nonblock 9 || { say "waiting: another checkout installs $1" && flock 9; }
  # A process that outlives the command must not keep the lock.
  "${@:2}" 9>&-
)

# installed NAME VERSION BUILDER [ARGUMENT...]: makes BUILDER fill a folder for this NAME and VERSION, once, and prints
# the folder. BUILDER gets the name, the version, the folder and the arguments. `set -e` has no effect inside BUILDER.
installed() {
  local dir=$ECHO_TOOLS/$1-$2
  [[ -e $dir/.complete ]] || alone "$1" fill "$dir" "$@" || return
  echo "$dir"
}

# fill FOLDER NAME VERSION BUILDER [ARGUMENT...]: the work of `installed`, unless another checkout has just done it.
fill() {
  [[ ! -e $1/.complete ]] || return 0
  rm -rf "$1"
  mkdir -p "$1/bin"
  # `set -e` has no effect in a function whose output is captured.
  quietly "$2 $3" "$ECHO_TOOLS/log/$2.log" "$4" "$2" "$3" "$1" "${@:5}" || return
  # The mark is written last, so that an interrupted build is repeated.
  touch "$1/.complete"
}

# debian COMMAND PACKAGE...: installs the Debian packages if COMMAND is missing.
debian() {
  PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || alone debian quietly "${*:2}" "$ECHO_TOOLS/log/debian.log" apt_install "${@:2}"
}

# Updates the package lists first: a fresh machine has none, or old ones.
apt_install() {
  need apt-get "only Debian is supported; install by hand: $*"
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  ((EUID == 0)) || as_root=(sudo "${as_root[@]}")
  "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install --yes --no-install-recommends "$@"
}

# echo_version: prints the version in Cargo.toml.
echo_version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# roots: prints the names of all roots, the folders of environments/: the account, and each environment.
roots() { (cd "$root/environments" && printf '%s\n' */main.tf) | sed 's|/main.tf$||'; }

# region: prints the region of all roots, from environments/region.txt.
region() {
  local file=$root/environments/region.txt name=''
  [[ ! -f $file ]] || read -r name <"$file" || true
  [[ $name =~ ^[a-z]{2}(-[a-z]+)+-[0-9]+$ ]] || die "environments/region.txt has no region: write one line, such as eu-central-1"
  echo "$name"
}

# protection_of ROOT: prints the value of `protect` in environments/ROOT/main.tf, true or false.
protection_of() {
  local file=$root/environments/$1/main.tf value
  [[ -f $file ]] || die "environments/$1 does not exist"
  value=$(sed -n 's/^ *protect *= *\(true\|false\)$/\1/p' "$file")
  [[ $value == true || $value == false ]] || die "environments/$1/main.tf does not say once if the environment is protected: write the line protect = true or protect = false"
  echo "$value"
}

# refuse_moved_values WHERE <VALUES: fails with the reason if the values for Terraform contain `alarms`, which moved.
# Terraform would ignore the value with a warning, and alarms would have their defaults.
refuse_moved_values() {
  ! grep -q '^[[:space:]]*alarms[[:space:]]*=' || {
    say "$1 has alarms = …, which has moved: write alarm_emails and runbook_url instead, and thresholds and promql into environments/*/main.tf (CHANGELOG.md, 2026-12-01)"
    return 1
  }
}

# output_of FOLDER NAME...: prints a value from the output `echo` of the root in FOLDER, by its name or path of names.
# Prints nothing before the first apply. Fails with the reason if Terraform cannot read the output.
output_of() {
  local outputs
  outputs=$(terraform -chdir="$1" output -no-color -json) || return
  python3 -c 'import functools, json, sys; print(functools.reduce(lambda at, name: at.get(name, ""), sys.argv[1:], json.loads(sys.stdin.read()).get("echo", {}).get("value", {})))' \
    "${@:2}" <<<"$outputs"
}

# in_ecr IMAGE: sets `registry`, the options of `aws ecr` for the image's repository, and `digest`.
in_ecr() {
  [[ $1 =~ ^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/(.+)@(sha256:[0-9a-f]{64})$ ]] || die "not an ECR image with a digest: $1"
  registry=(--registry-id "${BASH_REMATCH[1]}" --region "${BASH_REMATCH[2]}" --repository-name "${BASH_REMATCH[3]}") digest=${BASH_REMATCH[4]}
}

# tag_of IMAGE: prints the tag from scripts/deliver/image: the commit, the platform of a single-platform image, and
# -by-hand if a person pushed it.
tag_of() {
  local registry digest tags
  in_ecr "$1"
  tags=$(aws ecr describe-images "${registry[@]}" --image-ids "imageDigest=$digest" --query 'imageDetails[0].imageTags' --output text) || return
  [[ $tags =~ (^|[[:space:]])([0-9a-f]{40}(-(amd64|arm64)(-by-hand)?)?)($|[[:space:]]) ]] || die "no tag of the image names a commit: $tags"
  echo "${BASH_REMATCH[2]}"
}

# use_terraform: makes Terraform read the AWS provider from the mirror of `scripts/tools provider`, without requests.
# Hides the person's settings and AWS accounts: these runs are only tests, and the emulated AWS.
use_terraform() {
  local name
  for name in "${!TF_@}" "${!AWS_@}"; do [[ $name == TF_LOG* ]] || unset "$name"; done
  export TF_CLI_CONFIG_FILE=$ECHO_TOOLS/terraformrc TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
  # Terraform and the provider live for seconds. With Go's default of 100, a quarter of their work is the collection of
  # garbage.
  export GOGC=400
  # Terraform colours its output even without a terminal.
  [[ -t 1 ]] || export TF_CLI_ARGS=-no-color
}
