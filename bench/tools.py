"""The tools and other mock servers of the benchmark: their versions and installation.

All but Debian's packages are installed below `cache()`, outside the checkout, in one folder for each version.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WIREMOCK = "3.13.2"
MOCKSERVER = "7.6.0"
MOUNTEBANK = "2.9.1"
MOCKOON = "9.9.0"
FLASK = "3.1.3"
GUNICORN = "27.0.1"

# Maven comes from Debian, but not this plug-in, which has a pinned version.
MAVEN_DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

DEBIAN_PACKAGES = {
    "java": "default-jre-headless",
    "mvn": "maven",
    "nginx": "nginx-light",
    "node": "nodejs",
    "npm": "npm",
    "wrk": "wrk",
}


class Missing(Exception):
    """A tool is missing and cannot be installed. The message names the tool and the remedy."""


def cache() -> Path:
    return Path(os.environ.get("ECHO_TOOLS") or Path.home() / ".cache" / "echo")


def target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")


def need(*commands: str) -> None:
    """Installs the Debian packages of missing commands."""
    packages = [DEBIAN_PACKAGES[command] for command in commands if not shutil.which(command)]
    if not packages:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Missing(f"{', '.join(packages)} missing. Run as root on Debian: {' '.join(install)}")
    run(["apt-get", "update"])
    run(install)


def build(*targets: str) -> None:
    """Builds targets of the service with the release profile."""
    if not shutil.which("cargo"):
        raise Missing("cargo is missing: install Rust with rustup")
    run(["cargo", "build", "--release", "--locked", "-p", "echo-service", *targets], cwd=ROOT)


def maven_jar(group: str, artifact: str, version: str, classifier: str = "") -> Path:
    name = f"{artifact}-{version}"

    def install(folder: Path) -> None:
        need("java", "mvn")
        coordinates = f"{group}:{artifact}:{version}:jar" + (f":{classifier}" if classifier else "")
        run(["mvn", "--batch-mode", "--quiet", f"{MAVEN_DEPENDENCY_PLUGIN}:copy",
             f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}"])  # fmt: skip

    return next(_once(name, install).glob("*.jar"))


def npm_package(package: str, version: str) -> Path:
    """The folder with `node_modules`."""

    def install(folder: Path) -> None:
        need("node", "npm")
        run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts",
             f"{package}@{version}"])  # fmt: skip

    return _once(f"{package.strip('@').replace('/', '-')}-{version}", install)


def python_packages(name: str, *requirements: str) -> Path:
    """The folder of a virtual environment."""

    def install(folder: Path) -> None:
        run([sys.executable, "-m", "venv", str(folder)])
        run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *requirements])

    return _once(name, install)


def first_line(*command: str) -> str:
    """The first line of a command's output, which has the version of many tools."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=ROOT)
    return done.stdout.partition("\n")[0].strip()


def run(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode:
        raise Missing(f"`{' '.join(command)}` failed with exit code {done.returncode}")


def _once(name: str, install: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, installed if its mark of a complete installation is missing."""
    folder = cache() / name
    mark = folder / ".installed"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"installing {name}", file=sys.stderr)
        install(folder)
        mark.touch()
    return folder
