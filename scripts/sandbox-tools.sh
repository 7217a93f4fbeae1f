# What scripts/image and scripts/sandbox need and a machine may lack: containers without a Docker engine, and the emulator of AWS.
# A script sources it after lib.sh; it is not run by itself.
# shellcheck shell=bash
: "${root:?scripts/lib.sh comes first}"

# containers: buildah, podman and runc from Debian, with settings and a store of their own: the machine's are not touched.
containers() {
  debian buildah buildah
  debian podman podman
  debian runc runc
  # What podman makes networks with, and the first process of a container that wants one.
  debian iptables iptables
  debian catatonit catatonit
  container_settings "$ECHO_TOOLS/containers"
}

# container_settings FOLDER [IMAGES]: has the tools keep all they keep in FOLDER, and take images from the store in IMAGES too.
container_settings() {
  local dir=$1 driver=vfs
  mkdir -p "$dir"
  grep -q '\<overlay$' /proc/filesystems && driver=overlay
  # crun, podman's default, refuses to work where cgroups are in hybrid mode, and a systemd may not be there to manage them.
  # The limits are given because the default ones are higher than what a machine may allow. Locks in files, because shared
  # memory would be shared with every podman of the machine.
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
  # No registry is searched for names that have none: what is not here is an error.
  printf 'unqualified-search-registries = []\n' >"$dir/registries.conf"
  export CONTAINERS_CONF=$dir/containers.conf CONTAINERS_STORAGE_CONF=$dir/storage.conf CONTAINERS_REGISTRIES_CONF=$dir/registries.conf
}

# builder_image NAME: makes a stand-in for the Dockerfile's base image where no registry can be reached: Debian's base system with
# a C compiler and make, as in Rust's official image, and this machine's own Rust, which has to be of the same version.
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
  # The machine may reach the registry of crates by a certificate of its own. It stays out of the system's bundle, which goes into the image.
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

# emulator: the emulators of AWS, in a Python environment of their own; prints its folder.
emulator() { installed emulator "$(sha256sum <"$root/tests/sandbox/requirements.txt" | cut -c 1-12)" build_emulator; }

build_emulator() {
  python3 -m venv "$3" &&
    "$3/bin/pip" install --progress-bar off --no-deps --require-hashes --requirement "$root/tests/sandbox/requirements.txt" &&
    "$3/bin/pip" check
}
