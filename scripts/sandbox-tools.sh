# Requirements of scripts/deliver/image and scripts/sandbox: containers without a Docker engine, and the emulator of
# AWS.
# Scripts source this file after lib.sh.
# The parts of scripts/sandbox use its variables.
# shellcheck shell=bash disable=SC2154
: "${root:?scripts/lib.sh comes first}"

# containers: buildah, podman and runc from Debian, with separate settings and a separate store.
containers() {
  debian buildah buildah
  debian podman podman
  debian runc runc
  # podman's tools for networks, and an init process for containers.
  debian iptables iptables
  debian catatonit catatonit
  container_settings "$ECHO_TOOLS/containers"
}

# container_settings FOLDER [IMAGES]: makes the tools keep all files in FOLDER, and use images of the store in IMAGES
# too.
container_settings() {
  local dir=$1 driver=vfs
  mkdir -p "$dir"
  grep -q '\<overlay$' /proc/filesystems && driver=overlay
  # crun, podman's default, fails with cgroups in hybrid mode, and the machine may lack systemd to manage them. The
  # default limits may exceed the machine's limits. Locks are in files, because every podman of the machine shares the
  # shared memory.
  cat >"$dir/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
static_dir = "$dir/static"
tmp_dir = "$dir/tmp"
volume_path = "$dir/volumes"
[network]
network_config_dir = "$dir/networks"
END
  cat >"$dir/storage.conf" <<END
[storage]
driver = "$driver"
graphroot = "$dir/storage"
runroot = "$dir/run"
[storage.options]
additionalimagestores = [${2:+"\"$2/storage\""}]
END
  # Names without a registry are not searched for: a missing image is an error.
  printf 'unqualified-search-registries = []\n' >"$dir/registries.conf"
  export CONTAINERS_CONF=$dir/containers.conf CONTAINERS_STORAGE_CONF=$dir/storage.conf CONTAINERS_REGISTRIES_CONF=$dir/registries.conf
}

# builder_image NAME: makes a stand-in for the Dockerfile's base image where no registry can be reached: Debian's base
# system with a C compiler and make, as in Rust's official image; and this machine's own Rust of the same version.
builder_image() {
  local name=$1 version suite sysroot base container folder
  # docker.io/library/rust:1.95-bookworm: Rust 1.95 on Debian bookworm.
  version=${name##*:} suite=${name##*-} version=${version%%-*}
  need rustc "install Rust $version by rustup"
  [[ $(rustc --version) == "rustc $version"* ]] || die "$name can not be fetched, and standing in for it needs Rust $version: rustup default $version"
  debian debootstrap debootstrap
  base=$(installed "debian-$suite" minbase build_debian) sysroot=$(rustc --print sysroot)
  container=$(buildah from scratch)
  folder=$(buildah mount "$container")
  cp --archive --reflink=auto "$base/root/." "$folder"
  mkdir -p "$folder/usr/local/cargo"
  cp --recursive --dereference "$sysroot/"{bin,lib,libexec} "$folder/usr/local/"
  # The machine may need a certificate for the registry of crates. It stays out of the system's bundle, which goes into
  # the image.
  cp --dereference "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$folder/usr/local/cargo/machine.crt"
  buildah umount "$container" >/dev/null
  buildah config --env CARGO_HOME=/usr/local/cargo --env CARGO_HTTP_CAINFO=/usr/local/cargo/machine.crt "$container"
  buildah commit --quiet --rm "$container" "$name" >/dev/null
}

build_debian() {
  local as_root=()
  ((EUID == 0)) || as_root=(sudo)
  "${as_root[@]}" debootstrap --variant=minbase --include=gcc,libc6-dev,make,ca-certificates "${suite:?}" "$3/root"
}

# others: prints the names of all environments but dev. Protected environments come last, because tests/sandbox/run
# applies and destroys the first one once more.
others() {
  local name protection protected=()
  for name in $(roots); do
    [[ $name != account && $name != dev ]] || continue
    protection=$(protection_of "$name") || return
    if [[ $protection == true ]]; then protected+=("$name"); else echo "$name"; fi
  done
  [[ ! ${protected[*]} ]] || printf '%s\n' "${protected[@]}"
}

# emulator: the emulators of AWS, in a separate Python environment; prints its folder.
emulator() { installed emulator "$(sha256sum <"$root/tests/sandbox/requirements.txt" | cut -c 1-12)" build_emulator; }

build_emulator() {
  python3 -m venv "$3" &&
    "$3/bin/pip" install --progress-bar off --no-deps --require-hashes --requirement "$root/tests/sandbox/requirements.txt" &&
    "$3/bin/pip" check
}

# bootstrap ARGUMENT...: runs scripts/bootstrap on the copy, with the state in the emulated S3. The emulated registry
# keeps no image, so stand-ins of three scripts only print names.
bootstrap() {
  start
  copied
  local digest file stand_in=000000000000.dkr.ecr.$region.amazonaws.com
  digest=sha256:$(printf '%064d' 0)
  cat >"$copy/environments/account/sandbox_override.tf" <<<'provider "aws" { s3_use_path_style = true }'
  sed -i 's/^\( *\)use_lockfile = true$/&\n\1use_path_style = true/' "$copy"/environments/*/main.tf
  for file in login: "collector:$stand_in/ecr-public/aws-observability/aws-otel-collector@$digest" "image:$stand_in/echo-service@$digest"; do
    printf '%s\n' '#!/bin/sh' "echo '${file#*:}'" >"$copy/scripts/deliver/${file%%:*}"
  done
  inside env AWS_SDK_UA_APP_ID=sandbox+apply+account AWS_ENDPOINT_URL_S3=http://localhost:4566 "$copy/scripts/bootstrap" "$@"
}

# build_collector: builds the image of the collector, with the components of the collector on AWS.
build_collector() {
  "$root/scripts/tools" collector
  local folder=$state/collector
  mkdir -p "$folder"
  cp --dereference "$ECHO_TOOLS/bin/echo-collector" "$folder/"
  printf '%s\n' 'FROM scratch' 'COPY echo-collector /' 'USER 65532:65532' \
    'ENTRYPOINT ["/echo-collector", "--config=env:AOT_CONFIG_CONTENT"]' >"$folder/Dockerfile"
  buildah bud --quiet --layers --tag localhost/echo-collector "$folder" >/dev/null
}
