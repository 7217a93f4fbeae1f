#!/usr/bin/env bash
# Makes mocks.json the set `curl` of a running Echo, calls a mock, and deletes the set.
set -euo pipefail
url=${MOCKS_URL:-http://127.0.0.1:8080}
ask() { curl --silent --show-error --fail-with-body "$@"; }

ask --request PUT "$url/-/sets/curl" --json "@$(dirname "$0")/mocks.json" >/dev/null
ask "$url/products/7"
ask --request DELETE "$url/-/sets/curl" >/dev/null
