# Checks of the service, in Rust. scripts/test sources this file.
# shellcheck shell=bash

check_fmt() { cargo fmt --all --check; }

# Also the build of scripts/up.
check_clippy() {
  cargo clippy --workspace --all-targets -- --deny warnings &&
    cargo clippy --package echo-service --no-default-features -- --deny warnings
}

check_rustdoc() { RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --document-private-items; }

check_deny() {
  "$root/scripts/tools" deny && cargo deny --all-features check --hide-inclusion-graph bans licenses sources || return
  # The advisory database is a Git repository. A machine that cannot reach it lists the advisories as not checked.
  if timeout 20 git ls-remote --quiet https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    cargo deny check advisories
  else
    impossible+=("advisories of dependencies: github.com/RustSec/advisory-db cannot be reached from this machine")
  fi
}

# Lint of the image's Dockerfile.
check_hadolint() { "$root/scripts/tools" python && hadolint service/Dockerfile; }

# Calculations of the benchmark. scripts/bench measures.
check_bench() { python3 -B -m unittest discover --start-directory bench --top-level-directory .; }

check_nextest() {
  "$root/scripts/tools" nextest collector checker dynamodb-local || return
  # Tests send signals by the command `kill` of procps. One test traces the service's system calls.
  debian pgrep procps && debian strace strace || return
  cargo nextest run --workspace 2>&1 | tee "$work/nextest.log" || return
  count=$(sed -n 's/.*Summary.* \([0-9]\+\) passed.*/\1/p' "$work/nextest.log")
  [[ $count ]] || { say "nextest ran no test"; return 1; }
  # Proves that the script for long searches at night runs.
  scripts/verify-consistency --seeds 100 --histories 0 --creations 0 >"$work/verify.log" 2>&1 || { tail -n 40 "$work/verify.log" && return 1; }
}

# Without other tools: the service's own tests, and the rules of the API against real processes.
check_contract() {
  cargo test --workspace --lib --bins --test contract 2>&1 | tee "$work/contract.log" || return
  count=$(awk '/^test result: ok/ { sum += $4 } END { print sum }' "$work/contract.log")
}

check_schemathesis() { "$root/scripts/tools" python && with_service tests/schemathesis/run --keys ENTRY; }

# The documentation page by default, on a listener that accepts keys, and on one that does not. Pages of other origins.
check_browser() {
  "$root/scripts/tools" python chromium || return
  with_service browse_open || return
  with_service browse_apart --keys ENTRY --management-listen 127.0.0.1:0 || return
  with_service browse_locked --keys ENTRY || return
  with_service browse_any --mock-cors any || return
  local port
  port=$(python3 -c 'import socket; probe = socket.socket(); probe.bind(("127.0.0.1", 0)); print(probe.getsockname()[1])')
  with_service browse_listed --mock-cors "http://127.0.0.1:$port"
}

# The API's document, by the built-in rules of two linters, offline. Swagger UI in the binary is the one from npm.
check_openapi() {
  "$root/scripts/tools" openapi && scripts/generate/swagger-ui --check || return
  export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
  redocly lint --config tests/openapi/redocly.yaml service/openapi.json 2>&1 &&
    spectral lint --ruleset tests/openapi/spectral.yaml --fail-severity hint service/openapi.json
}

# Clients by generators, made from the OpenAPI document.
check_generated() {
  "$root/scripts/tools" node generators || return
  with_service tests/generated/run --keys ENTRY | tee "$work/generated.log" || return
  count=$(grep -c '^ok: ' "$work/generated.log")
}

# Uploads by HTTP clients of several languages: no client may lose a response.
check_clients() {
  "$root/scripts/tools" python curl java node nginx && cargo build --package echo-service || return
  tests/clients/run target/debug/echo-service | tee "$work/clients.log" || return
  count=$(sed -n 's/^clients: \([0-9]\+\) .* passed.*/\1/p' "$work/clients.log")
}

# The README's first command, and the two printed commands. The build refuses a table, and names a build with tables.
# Then the examples of each page, as a reader pastes them.
check_up() {
  debian jq jq || return
  local page
  for page in README.md docs/matching.md docs/templates.md docs/mocks.md docs/from-wiremock.md docs/faq.md docs/command-line.md docs/mock-files.md; do with_service example_page || return; done
  local up status=0 create call
  : >"$work/up.log"
  "$root/scripts/up" --listen 127.0.0.1:0 --store memory >"$work/up.log" &
  up=$!
  until grep -q '^Ctrl-C' "$work/up.log"; do
    kill -0 "$up" 2>/dev/null || { say "scripts/up has ended"; return 1; }
    sleep 0.1
  done
  create=$(sed -n '/^  curl .*endpoints/,/}}}/p' "$work/up.log") call=$(sed -n '/^Call it/,/^Ctrl-C/s/^  curl/curl/p' "$work/up.log")
  [[ $(bash -c "$create --silent") == 'HTTP/1.1 201 '* && $(bash -c "$call --silent") == *'{"message":"Hello, world"}' ]] || status=1
  kill "$up" && wait "$up" || status=1
  local refusal
  refusal=$(env -u ECHO_TOOLS target/quick/echo-service --store dynamodb:echo 2>&1)
  [[ $? == 64 && $refusal == *'cargo build --release --package echo-service'* ]] || { say "without DynamoDB: $refusal" && status=1; }
  ((status == 0)) || cat "$work/up.log" >&2
  return "$status"
}

# The folders of examples/, and all compose files.
check_examples() {
  "$root/scripts/tools" python chromium || return
  with_service example_folders --mock-cors any
}

example_folders() { echo-python tests/example_folders.py "$1"; }

# Of the service that with_service has started for it.
example_page() { (cd "$work" && PATH=$root/target/debug:$PATH && "$root/tests/examples.py" "$root/$page" "$1"); }

browse_open() { echo-python tests/browser/docs_page.py --url "$1"; }
browse_apart() { echo-python tests/browser/docs_page.py --url "$1" --key "$2" --mocks "$mocks"; }
browse_locked() { echo-python tests/browser/docs_page.py --url "$1" --locked; }
browse_any() { echo-python tests/browser/cors.py --url "$1"; }
browse_listed() { echo-python tests/browser/cors.py --url "$1" --listed "$port"; }

# with_service COMMAND [ARGUMENT...]: starts a service with the arguments, and runs COMMAND with the service's URL and
# an API key. ENTRY in the arguments stands for the key's entry. COMMAND finds the URL of the mocks in $mocks.
with_service() {
  cargo build --package echo-service || return
  local echo=target/debug/echo-service command=$1 new key entry
  shift
  new=$("$echo" key new) || return
  key=$(sed -n 's/^token [^:]*: *//p' <<<"$new") entry=$(sed -n 's/^entry [^:]*: *//p' <<<"$new")
  : >"$work/service.log"
  env -u ECHO_TOOLS -u ECHO_LOG "$echo" --listen 127.0.0.1:0 --store memory --rate-limit 0 --log-format json "${@/#ENTRY/$entry}" >"$work/service.log" &
  local service=$! url= mocks
  while [[ -z $url ]]; do
    kill -0 "$service" 2>/dev/null || { say "the service does not start"; return 1; }
    url=$(sed -n '/"serving"/s/.*"management":"\([^"]*\)".*/http:\/\/\1/p' "$work/service.log")
    sleep 0.05
  done
  mocks=$(sed -n '/"serving"/s/.*"mocks":"\([^"]*\)".*/http:\/\/\1/p' "$work/service.log")
  "$command" "$url" "$key"
  local status=$?
  kill "$service"
  wait "$service" || status=1
  # The service may not log an error.
  grep '"level":"ERROR"' "$work/service.log" >&2 && status=1
  return "$status"
}
