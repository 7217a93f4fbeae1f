# Steps of scripts/bootstrap, which sources this file. They use its variables: region, bucket, github and so on.
# shellcheck shell=bash disable=SC2154

folder=$root/environments/account
# Git ignores both files. The first apply makes the bucket, so its state is on disk. A destroy needs no protection.
local_backend=$folder/backend_override.tf unprotected=$folder/unprotected_override.tf
state_key=account/terraform.tfstate
again="correct the cause above, and run the same command again: it continues here"

account_terraform() { terraform -chdir="$folder" "$@"; }

# confirm QUESTION: ends the script without the answer yes.
confirm() {
  local answer=''
  [[ ! $yes ]] || return 0
  read -r -p "$1 Type yes: " answer || true
  [[ $answer == yes ]] || die "stopped, because the answer was not yes"
}

# log_in: checks the credentials, and sets account and the region of all commands.
log_in() {
  account=$(aws sts get-caller-identity --query Account --output text) ||
    die "AWS accepts no credentials here: log in (aws sso login, or aws configure), until aws sts get-caller-identity answers"
  # The number in the bucket's name says which account is meant.
  if [[ $bucket =~ (^|[^0-9])([0-9]{12})([^0-9]|$) && ${BASH_REMATCH[2]} != "$account" ]]; then
    die "the credentials are of account $account, and the bucket $bucket names account ${BASH_REMATCH[2]}: log in there, or choose another name"
  fi
  export AWS_REGION=$region AWS_DEFAULT_REGION=$region
  say "account $account in $region"
}

# value_of ROOT NAME: prints a value of terraform.tfvars as written, without quotes around a text. Prints nothing
# without this value.
value_of() {
  local file=$root/environments/$1/terraform.tfvars
  [[ ! -f $file ]] || sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*//p" "$file" | sed 's/^"\([^"]*\)".*/\1/; s/[[:space:]]*$//'
}

# write_value ROOT NAME VALUE: adds a line to terraform.tfvars, unless the file has the value: a person's value stays.
write_value() {
  local file=$root/environments/$1/terraform.tfvars
  [[ -z $(value_of "$1" "$2") ]] || { say "kept: $2 in environments/$1/terraform.tfvars" && return; }
  # The last line of a file by hand may lack its end.
  [[ ! -s $file || -z $(tail -c 1 "$file") ]] || echo >>"$file"
  echo "$2 = $3" >>"$file"
  say "written: $2 in environments/$1/terraform.tfvars"
}

# in_bucket: succeeds if the account's state is in the bucket.
in_bucket() {
  local answer
  answer=$(aws s3api head-object --bucket "$bucket" --key "$state_key" 2>&1) && return
  [[ $answer == *404* || $answer == *"Not Found"* || $answer == *NoSuchBucket* ]] || refuse_bucket "$answer"
  return 1
}

# refuse_bucket REASON
refuse_bucket() { die "the bucket $bucket is not yours, or you may not read it: choose another name for --bucket, with the number $account in it ($1)"; }

# on_disk: succeeds if the account's state is on disk, before its move into the bucket.
on_disk() { [[ -s $folder/terraform.tfstate ]]; }

write_region() {
  local file=$root/environments/region.txt
  [[ $region != "$(region)" ]] || return 0
  if on_disk || in_bucket; then die "this account has Echo in $(region) already (environments/region.txt). An account has one region: write --region $(region), or use another account for $region"; fi
  echo "$region" >"$file"
  say "written: $region into environments/region.txt. Commit the file"
}

# expect_value NAME VALUE OPTION: ends the script if the account's terraform.tfvars has another value.
expect_value() {
  local there
  there=$(value_of account "$1")
  [[ ! $there || ${there//[[:space:]]/} == "${2//[[:space:]]/}" ]] ||
    die "environments/account/terraform.tfvars has $1 = $there, and $3 means $2: write the option for the first, or change the file"
}

write_account_values() {
  local repository=null named
  if [[ $github != none ]]; then
    need gh "install GitHub's command line (https://cli.github.com), or write --no-github"
    named=$(gh api "repos/$github" --jq '"{ owner = \"\(.owner.login)\", owner_id = \"\(.owner.id)\", name = \"\(.name)\", id = \"\(.id)\" }"') ||
      die "GitHub shows no repository $github: check the name, log in by gh auth login, or write --no-github"
    repository=$named
  fi
  expect_value state_bucket_name "$bucket" "--bucket"
  expect_value repository "$repository" "--github"
  if ! on_disk && ! in_bucket; then
    local answer
    if answer=$(aws s3api head-bucket --bucket "$bucket" 2>&1); then
      die "the bucket $bucket exists, and holds no state of Echo: choose another name for --bucket"
    fi
    [[ $answer == *404* || $answer == *"Not Found"* ]] || refuse_bucket "$answer"
  fi
  write_value account state_bucket_name "\"$bucket\""
  write_value account repository "$repository"
}

# use_state: makes Terraform use the account's state: in the bucket, or on disk before the bucket has it.
use_state() {
  local backend=()
  if in_bucket; then
    # After an interrupted move, the disk has the same state once more.
    rm -f "$local_backend" "$folder"/terraform.tfstate*
    backend=(-backend-config="bucket=$bucket" -backend-config="region=$region")
  else
    use_disk
  fi
  account_terraform init -reconfigure "${backend[@]}" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2 && die "terraform init failed in environments/account: $again"; }
}

# use_disk: makes the next init keep the state on disk.
use_disk() { printf '%s\n' 'terraform {' '  backend "local" {}' '}' >"$local_backend"; }

# move_state: moves the account's state from disk into the bucket.
move_state() {
  in_bucket && return
  rm -f "$local_backend"
  account_terraform init -migrate-state -force-copy -backend-config="bucket=$bucket" -backend-config="region=$region" >"$work/log" 2>&1 ||
    { tail -n 20 "$work/log" >&2 && die "the state stays in environments/account/terraform.tfstate: $again"; }
  in_bucket || die "the bucket $bucket has no state after the move: keep environments/account/terraform.tfstate, and run this again"
  rm -f "$folder"/terraform.tfstate*
  say "the state is in s3://$bucket/$state_key"
}

# has ADDRESS: succeeds if the state has the resource.
has() { [[ $'\n'$(account_terraform state list 2>/dev/null)$'\n' == *$'\n'"$1"$'\n'* ]]; }

provider_address='module.account.module.github[0].aws_iam_openid_connect_provider.main'
cache_address='module.account.module.registry.aws_ecr_pull_through_cache_rule.main["ecr-public"]'

# adopt: takes over the things that an account has only once, if another team has made them.
adopt() {
  local provider rule roles
  if [[ $github != none ]] && ! has "$provider_address"; then
    provider=$(aws iam list-open-id-connect-providers --query 'OpenIDConnectProviderList[].Arn' --output text | tr '\t' '\n' | grep '/token\.actions\.githubusercontent\.com$' || true)
    [[ ! $provider ]] || import "$provider_address" "$provider"
  fi
  if ! has "$cache_address"; then
    rule=$(aws ecr describe-pull-through-cache-rules --query 'pullThroughCacheRules[].ecrRepositoryPrefix' --output text) || die "AWS does not list the caches of the registry: $again"
    [[ " ${rule//$'\t'/ } " != *" ecr-public "* ]] || import "$cache_address" ecr-public
  fi
  # Without its own role, the first cluster of an account fails once.
  roles=$(aws iam list-roles --path-prefix /aws-service-role/ecs.amazonaws.com/ --query 'length(Roles)' --output text) || die "AWS does not list roles: $again"
  [[ $roles != 0 ]] || { aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com >/dev/null && say "made: the role of ECS"; } || die "AWS refuses the role of ECS: $again"
}

# import ADDRESS ID
import() {
  account_terraform import "$1" "$2" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2 && die "$2 exists, and Terraform cannot take it over: $again"; }
  say "taken over: $2 exists already"
}

apply_account() {
  local status=0
  account_terraform plan -no-color -detailed-exitcode -out="$work/plan" >"$work/log" 2>&1 || status=$?
  ((status != 0)) || { say "nothing to change" && return; }
  ((status == 2)) || { tail -n 30 "$work/log" >&2 && die "the plan of environments/account failed: $again"; }
  grep -E '^  # .* (will|must) be |^Plan: ' "$work/log" >&2
  account_terraform show -json "$work/plan" >"$work/json"
  "$root/scripts/deliver/cost" "$work/json" >&2
  confirm "Apply these changes to account $account in $region?"
  account_terraform apply "$work/plan" >&2 || die "the apply of environments/account failed: $again"
}

# lock_files: pins the providers by the registry's checksums. All roots use the same provider.
lock_files() {
  local name file locked=''
  for name in $(roots); do
    file=$root/environments/$name/.terraform.lock.hcl
    # A single checksum is of this machine's platform only.
    if [[ -f $file ]] && (($(grep -c '"h1:' "$file") > 1)); then locked=$file && continue; fi
    if [[ $locked ]]; then cp "$locked" "$file" && continue; fi
    terraform -chdir="${file%/*}" providers lock -platform=linux_amd64 -platform=linux_arm64 -platform=darwin_arm64 >"$work/log" 2>&1 || {
      say "NO LOCK FILES: Terraform's registry is not reachable ($(grep -m 1 Error "$work/log" || echo no reason)). Run this again where it is, and commit environments/*/.terraform.lock.hcl"
      return
    }
    locked=$file
    say "written: environments/*/.terraform.lock.hcl. Commit the files"
  done
}

next_steps() {
  local name variable open
  say "== done"
  echo "The account $account is ready, and its state is in s3://$bucket/$state_key."
  for name in "${environments[@]}"; do
    open=''
    for variable in $(python3 -c 'import re, sys
for name, body in re.findall(r"^variable \"(\w+)\" \{\n(.*?)^\}", open(sys.argv[1]).read(), re.M | re.S):
    if not re.search(r"^  default ", body, re.M): print(name)' "$root/environments/$name/variables.tf"); do
      [[ $(value_of "$name" "$variable") ]] || open+=" $variable"
    done
    [[ ! $open ]] || echo "Write your values into environments/$name/terraform.tfvars:$open (docs/deploying.md#2-an-environment)."
    echo "Apply: cd environments/$name && terraform init -backend-config=bucket=$bucket -backend-config=region=$region && terraform apply"
  done
}

# destroy_all: destroys the account's root, and removes its files.
destroy_all() {
  if in_bucket || on_disk; then
    refuse_environments
    use_state
    account_terraform state list >"$work/list" || die "Terraform does not list the state: $again"
    say "environments/account has $(wc -l <"$work/list") resources, among them all images and the states of all environments"
    confirm "Destroy them in account $account?"
    unprotect
    take_state_back
    keep_shared
    account_terraform destroy -auto-approve >&2 || die "the destroy of environments/account failed: $again"
  else
    say "no state: environments/account is not applied, or destroyed already"
  fi
  rm -rf "$local_backend" "$unprotected" "$folder"/terraform.tfstate* "$folder/.terraform"
  # The images are gone with the registry.
  sed -i.bak "/^\(docker\|collector\)_image_url *= *\"$account\.dkr\.ecr\.$region\./d" "$root"/environments/*/terraform.tfvars
  rm -f "$root"/environments/*/terraform.tfvars.bak
  echo "The account $account has no root of Echo any more. Your own values stay in environments/*/terraform.tfvars. AWS keeps some leftovers (docs/deploying.md#destroying)."
}

# refuse_environments: ends the script if the state of an environment in the bucket has resources.
refuse_environments() {
  local keys key count
  keys=$(aws s3api list-objects-v2 --bucket "$bucket" --query 'Contents[].Key' --output text 2>"$work/log") || {
    # A first apply that failed early has made no bucket.
    grep -q NoSuchBucket "$work/log" || { cat "$work/log" >&2 && die "AWS does not list the states in the bucket $bucket: $again"; }
  }
  for key in $keys; do
    [[ $key == */terraform.tfstate && $key != "$state_key" ]] || continue
    aws s3 cp --quiet "s3://$bucket/$key" "$work/state" || die "the state $key cannot be read: $again"
    count=$(python3 -c 'import json, sys; print(sum(len(it["instances"]) for it in json.load(open(sys.argv[1]))["resources"] if it["mode"] == "managed"))' "$work/state") || die "the state $key cannot be read: $again"
    ((count == 0)) || die "environments/${key%/*} has $count resources: destroy it first (terraform destroy in its folder; docs/deploying.md#destroying)"
  done
}

# unprotect: lets buckets, images and the root itself be deleted.
unprotect() {
  echo 'module "account" { protect = false }' >"$unprotected"
  # A first apply that failed has made no protection, and would fail here again.
  ! grep -q '^module\.account\.module\.protection\.' "$work/list" || account_terraform apply -auto-approve >&2 || die "the protection stays: $again"
}

# take_state_back: moves the state to disk, because the destroy takes the bucket.
take_state_back() {
  in_bucket || return 0
  use_disk
  account_terraform init -migrate-state -force-copy >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2 && die "the state stays in the bucket: $again"; }
  on_disk || die "the disk has no state after the move: run this again"
  # From now on the disk has the truth.
  aws s3api delete-object --bucket "$bucket" --key "$state_key" >/dev/null || die "the state stays in the bucket: $again"
}

# keep_shared: Terraform forgets things of the whole account that others use.
keep_shared() {
  local others
  aws iam list-roles --output json >"$work/json" || die "AWS does not list roles: $again"
  others=$(python3 -c 'import json, sys
print(*(it["RoleName"] for it in json.load(open(sys.argv[1]))["Roles"]
  if "oidc-provider/token.actions.githubusercontent.com" in json.dumps(it["AssumeRolePolicyDocument"]) and not (it["Path"] == "/github/" and it["RoleName"].startswith("echo-"))))' "$work/json")
  [[ ! $others ]] || keep "$provider_address" "GitHub's identity provider: $others trust it"
  # shellcheck disable=SC2016 # the backticks are of the query
  others=$(aws ecr describe-repositories --query 'repositories[?starts_with(repositoryName, `ecr-public/`) && repositoryName!=`ecr-public/aws-observability/aws-otel-collector`].repositoryName' --output text) ||
    die "AWS does not list repositories: $again"
  [[ ! $others ]] || keep "$cache_address" "the cache of the registry: it fills $others"
}

# keep ADDRESS REASON
keep() {
  has "$1" || return 0
  account_terraform state rm "$1" >"$work/log" || die "Terraform does not forget $1: $again"
  say "kept: $2"
}
