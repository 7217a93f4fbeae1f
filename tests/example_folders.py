#!/usr/bin/env python3
"""Runs the folders of examples/ against a fresh service with --mock-cors. Usage: echo-python tests/example_folders.py URL

URL stands in for http://127.0.0.1:8080, and for http://echo:8080 in containers. Without Docker and GitHub, the commands of compose.yaml and
workflow.yml run on this machine. Needs bash, curl and Chromium.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import jsonschema_rs
import yaml

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def told(command: list[str | Path], url: str) -> str:
    environment = {**os.environ, "MOCKS_URL": url, "CHROMIUM": "/usr/bin/chromium"}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True, timeout=120).stdout


def curl(url: str) -> None:
    expected = (EXAMPLES / "curl/README.md").read_text().split("The script prints `")[1].split("`")[0]
    assert told([EXAMPLES / "curl/run.sh"], url) == expected


def mock_files(url: str) -> None:
    folder = EXAMPLES / "mock-files"
    schema = jsonschema_rs.validator_for(json.loads((ROOT / "service/mock-file.schema.json").read_text()))
    for file in (folder / "shop").glob("*.yaml"):
        text = file.read_text()
        named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / named).samefile(ROOT / "service/mock-file.schema.json"), file
        schema.validate(yaml.safe_load(text))
    told([ROOT / "target/debug/echo-service", "apply", folder / "shop", "--url", url], url)
    answer = urlopen(f"{url}/users/7", timeout=10).read().decode()
    assert f"The answer is `{answer}`" in (folder / "README.md").read_text(), answer
    assert urlopen(f"{url}/start", timeout=10).read() == (folder / "shop/bodies/start.html").read_bytes()


def by_pytest(folder: str, url: str) -> None:
    told([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / folder], url)


def github_actions(url: str) -> None:
    (job,) = yaml.safe_load((EXAMPLES / "github-actions/workflow.yml").read_text())["jobs"].values()
    assert job["services"]["echo"]["ports"] == ["127.0.0.1:8080:8080"]
    for step in job["steps"]:
        told(["bash", "-e", "-c", step["run"].replace("http://127.0.0.1:8080", url)], url)


def compose(url: str) -> None:
    folder = EXAMPLES / "compose"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    mocks = services["mocks"]["command"].replace("http://echo:8080", url).replace("/mocks.json", f"{folder}/mocks.json")
    told(["curl", *mocks.split()], url)
    command = [sys.executable, "-B", folder / "app.py"]
    environment = {**os.environ, "PAYMENTS_URL": url, "PORT": "0"}
    assert services["app"]["environment"] == {"PAYMENTS_URL": "http://echo:8080"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as app:
        try:
            port = app.stdout.readline().split()[-1]
            answer = urlopen(f"http://127.0.0.1:{port}", timeout=10).read().decode().strip()
        finally:
            app.kill()
    assert f"The answer is `{answer}`" in (folder / "README.md").read_text(), answer


def containers() -> None:
    """All compose files use the image as the image is."""
    dockerfile = (ROOT / "service/Dockerfile").read_text()
    assert "file:/data/echo.redb" in dockerfile and "0.0.0.0:8080" in dockerfile
    for file in (ROOT / "compose.yaml", EXAMPLES / "compose/compose.yaml"):
        echo = yaml.safe_load(file.read_text())["services"]["echo"]
        build = echo["build"]
        assert (file.parent / build["context"] / build["dockerfile"]).samefile(ROOT / "service/Dockerfile"), file
        assert echo["healthcheck"]["test"] == ["CMD", "/echo-service", "healthcheck"], file
        assert echo.get("volumes", ["echo:/data"]) == ["echo:/data"] and "command" not in echo, file
        # The image opens management without keys.
        assert all(port.startswith("127.0.0.1:") for port in echo.get("ports", [])), file


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    address = sys.argv[1]
    mock_files(address)
    curl(address)
    by_pytest("pytest", address)
    github_actions(address)
    compose(address)
    by_pytest("playwright", address)
    containers()
    ran = {"mock-files", "curl", "pytest", "github-actions", "compose", "playwright"}
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == ran, "a folder of examples/ is not run"
    print(f"examples: {len(ran)} folders run")
