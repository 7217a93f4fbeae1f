# What the scripts here share. A script sources it first; it is not run by itself.
# shellcheck shell=bash
set -euo pipefail

# The checkout, and the cache of what `scripts/tools` installs: outside of the checkout, so that a clean clone finds it.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Not exported: echo-service refuses variables that begin with ECHO_ and are none of its settings.
ECHO_TOOLS=${ECHO_TOOLS:-$HOME/.cache/echo}
export root PATH="$ECHO_TOOLS/bin:$PATH"

# say WORDS: tells the person, on stderr: stdout is for what a script answers.
say() { printf '%s\n' "$*" >&2; }

# die WORDS: ends the script with a reason.
die() {
  say "${0##*/}: $*"
  exit 1
}

# usage: prints the comment at the top of the calling script, which is its help.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# need COMMAND ADVICE: dies with ADVICE when there is no such command.
need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }

# quietly WHAT LOG COMMAND...: installs WHAT by a command that may take long: its output goes to LOG, the person sees a
# line at the start, at the end and every 20 seconds between. When it fails, the end of LOG says why.
quietly() (
  what=$1 log=$2
  shift 2
  mkdir -p "${log%/*}"
  say "installing $what"
  SECONDS=0
  # The sleep outlives this loop, so it must not hold on to the streams of whoever reads the script's output.
  while sleep 20 >/dev/null 2>&1; do say "  ${SECONDS} s: $(tail -n 1 "$log" | cut -c 1-100)"; done &
  trap 'kill "$!"' EXIT
  ("$@") >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    die "$what could not be installed (the end of its output is above, all of it is in $log)"
  }
  say "installed $what in $SECONDS s"
)

# installed NAME VERSION BUILDER [ARGUMENT...]: has BUILDER fill a folder for this NAME and VERSION, once, and prints the folder.
# The builder is given the name, the version, the folder and the arguments. It runs where `set -e` does not hold.
installed() {
  local dir=$ECHO_TOOLS/$1-$2
  # The mark is set last, so that a build that was interrupted is done again.
  if [[ ! -e $dir/.complete ]]; then
    rm -rf "$dir"
    mkdir -p "$dir/bin"
    # Where the output of a function is taken, `set -e` does not hold.
    quietly "$1 $2" "$ECHO_TOOLS/log/$1.log" "$3" "$1" "$2" "$dir" "${@:4}" || return
    touch "$dir/.complete"
  fi
  echo "$dir"
}

# debian COMMAND PACKAGE...: installs Debian packages, unless there is the command that they bring.
debian() {
  PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || quietly "${*:2}" "$ECHO_TOOLS/log/debian.log" apt_install "${@:2}"
}

# The lists first: a fresh machine has none, or old ones.
apt_install() {
  need apt-get "this is not Debian; install by hand: $*"
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  ((EUID == 0)) || as_root=(sudo "${as_root[@]}")
  "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install --yes --no-install-recommends "$@"
}

# output_of FOLDER NAME...: prints what an environment's root in FOLDER says in its output, by one name or one below another: nothing
# where nothing has been applied yet. Fails, and says why, where that can not be found out.
output_of() {
  local outputs
  outputs=$(terraform -chdir="$1" output -no-color -json) || return
  python3 -c 'import functools, json, sys; print(functools.reduce(lambda at, name: at.get(name, ""), sys.argv[1:], json.loads(sys.stdin.read()).get("echo", {}).get("value", {})))' \
    "${@:2}" <<<"$outputs"
}

# in_ecr IMAGE: sets `registry`, the options by which `aws ecr` finds an image's repository, and `digest`.
in_ecr() {
  [[ $1 =~ ^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/(.+)@(sha256:[0-9a-f]{64})$ ]] || die "this is no image in ECR by its digest: $1"
  registry=(--registry-id "${BASH_REMATCH[1]}" --region "${BASH_REMATCH[2]}" --repository-name "${BASH_REMATCH[3]}") digest=${BASH_REMATCH[4]}
}

# tag_of IMAGE: prints the tag that scripts/image has given it: its commit, and behind that its platform, if it is for one only, and
# whether a person has pushed it.
tag_of() {
  local registry digest tags
  in_ecr "$1"
  tags=$(aws ecr describe-images "${registry[@]}" --image-ids "imageDigest=$digest" --query 'imageDetails[0].imageTags' --output text) || return
  [[ $tags =~ (^|[[:space:]])([0-9a-f]{40}(-(amd64|arm64)(-by-hand)?)?)($|[[:space:]]) ]] || die "no tag says which commit this image is of: $tags"
  echo "${BASH_REMATCH[2]}"
}

# use_terraform: has Terraform take the AWS provider from the mirror that `scripts/tools provider` fills, and ask nobody anything.
# The person's own settings and AWS accounts are out of reach: what runs here is only ever tests, and the emulated AWS.
use_terraform() {
  local name
  for name in "${!TF_@}" "${!AWS_@}"; do [[ $name == TF_LOG* ]] || unset "$name"; done
  export TF_CLI_CONFIG_FILE=$ECHO_TOOLS/terraformrc TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
  # Terraform colours what it says even where nobody looks.
  [[ -t 1 ]] || export TF_CLI_ARGS=-no-color
}
