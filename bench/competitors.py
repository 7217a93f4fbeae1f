"""Other mock servers. Each loads its mocks from a file at its start, the fastest way of each, and has the settings that
its documentation recommends under load: no journal and no log of requests."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import mocks, tools
from bench.server import Server, Setup, free_port

HEADERS = {"Content-Type": mocks.CONTENT_TYPE}

# Just-in-time compilers need seconds of load for their best code.
JVM_WARM_UP_SECONDS = 8
NODE_WARM_UP_SECONDS = 3

# Version of our environment files: Mockoon migrates older versions at its start.
MOCKOON_MIGRATION = 33


class WireMock(Server):
    key = "wiremock"
    title = "WireMock"
    settings = (
        "`--no-request-journal --disable-request-logging --disable-response-templating --disable-gzip`; default "
        "threads: neither more or fewer threads nor asynchronous responses saved CPU time"
    )
    warm_up_seconds = JVM_WARM_UP_SECONDS

    def install(self) -> None:
        tools.need("java")
        self._jar = tools.maven_jar("org.wiremock", "wiremock-standalone", tools.WIREMOCK)

    def version(self) -> str:
        return tools.WIREMOCK

    def size(self) -> int:
        return self._jar.stat().st_size

    def prepare(self, setup: Setup) -> None:
        folder = setup.folder / "mappings"
        folder.mkdir()
        mappings = [
            {
                "request": {"method": mocks.VERB, "urlPath": path},
                "response": {"status": mocks.CODE, "headers": HEADERS, "body": mocks.BODY},
            }
            for path in mocks.paths(setup.mocks)
        ]
        _write(folder / "mocks.json", {"mappings": mappings})

    def command(self, setup: Setup) -> list[str]:
        return [
            "java", "-jar", str(self._jar),
            "--bind-address", "127.0.0.1", "--port", str(setup.port), "--root-dir", str(setup.folder),
            "--no-request-journal", "--disable-request-logging", "--disable-response-templating", "--disable-gzip",
            "--disable-banner",
        ]  # fmt: skip


class MockServer(Server):
    key = "mockserver"
    title = "MockServer"
    settings = "`disableLogging`, log level ERROR, `maxExpectations` raised to the number of mocks; JVM defaults"
    warm_up_seconds = JVM_WARM_UP_SECONDS

    def install(self) -> None:
        tools.need("java")
        self._jar = tools.maven_jar(
            "org.mock-server", "mockserver-netty", tools.MOCKSERVER, classifier="jar-with-dependencies"
        )

    def version(self) -> str:
        return tools.MOCKSERVER

    def size(self) -> int:
        return self._jar.stat().st_size

    def prepare(self, setup: Setup) -> None:
        expectations = [
            {
                "httpRequest": {"method": mocks.VERB, "path": path},
                "httpResponse": {
                    "statusCode": mocks.CODE,
                    "headers": {name: [value] for name, value in HEADERS.items()},
                    "body": mocks.BODY,
                },
            }
            for path in mocks.paths(setup.mocks)
        ]
        _write(setup.folder / "expectations.json", expectations)

    def command(self, setup: Setup) -> list[str]:
        properties = {
            "disableLogging": "true",
            "disableSystemOut": "true",
            "initializationJsonPath": setup.folder / "expectations.json",
            "localBoundIP": "127.0.0.1",
            "logLevel": "ERROR",
            "maxExpectations": setup.mocks,
        }
        options = [f"-Dmockserver.{name}={value}" for name, value in properties.items()]
        return ["java", *options, "-jar", str(self._jar), "-serverPort", str(setup.port)]


class Mountebank(Server):
    key = "mountebank"
    title = "Mountebank"
    settings = (
        "`--nologfile --loglevel error`; with `Connection: keep-alive` in its responses, because otherwise it closes "
        "each connection"
    )
    warm_up_seconds = NODE_WARM_UP_SECONDS

    def install(self) -> None:
        tools.need("node", "npm")
        self._folder = tools.npm_package("mountebank", tools.MOUNTEBANK)

    def version(self) -> str:
        return tools.MOUNTEBANK

    def size(self) -> int:
        return _bytes_below(self._folder)

    def prepare(self, setup: Setup) -> None:
        stubs = [
            {
                "predicates": [{"equals": {"method": mocks.VERB, "path": path}}],
                "responses": [
                    {
                        "is": {
                            "statusCode": mocks.CODE,
                            "headers": HEADERS | {"Connection": "keep-alive"},
                            "body": mocks.BODY,
                        }
                    }
                ],
            }
            for path in mocks.paths(setup.mocks)
        ]
        imposter = {"protocol": "http", "host": "127.0.0.1", "port": setup.port, "stubs": stubs}
        _write(setup.folder / "imposters.json", {"imposters": [imposter]})

    def command(self, setup: Setup) -> list[str]:
        return [
            str(self._folder / "node_modules" / ".bin" / "mb"), "start",
            "--configfile", str(setup.folder / "imposters.json"), "--noParse",
            "--host", "127.0.0.1", "--port", str(free_port()),
            "--nologfile", "--loglevel", "error",
        ]  # fmt: skip


class Mockoon(Server):
    key = "mockoon"
    title = "Mockoon CLI"
    settings = (
        "`--disable-log-to-file --disable-admin-api --max-transaction-logs 1`, templating off; "
        "the log of requests on standard output cannot be switched off, and goes to `/dev/null`"
    )
    warm_up_seconds = NODE_WARM_UP_SECONDS

    def install(self) -> None:
        tools.need("node", "npm")
        self._folder = tools.npm_package("@mockoon/cli", tools.MOCKOON)

    def version(self) -> str:
        return tools.MOCKOON

    def size(self) -> int:
        return _bytes_below(self._folder)

    def prepare(self, setup: Setup) -> None:
        routes = [_mockoon_route(number, path) for number, path in enumerate(mocks.paths(setup.mocks))]
        environment = {
            "uuid": "bench",
            "lastMigration": MOCKOON_MIGRATION,
            "name": "bench",
            "hostname": "127.0.0.1",
            "port": setup.port,
            "routes": routes,
            "rootChildren": [{"type": "route", "uuid": route["uuid"]} for route in routes],
        } | {name: [] for name in ("folders", "data", "headers", "callbacks")}
        _write(setup.folder / "environment.json", environment)

    def command(self, setup: Setup) -> list[str]:
        return [
            str(self._folder / "node_modules" / ".bin" / "mockoon-cli"), "start",
            "--data", str(setup.folder / "environment.json"),
            "--disable-log-to-file", "--disable-admin-api", "--max-transaction-logs", "1",
        ]  # fmt: skip


class Flask(Server):
    key = "flask"
    title = "Flask"
    settings = (
        "`bench/flask_app.py`, an in-memory mock server, under gunicorn with 2 workers of 4 threads "
        "(gunicorn's default worker does not keep connections alive). Each worker has its own memory, so the "
        "mocks are loaded before the workers are forked: a POST would reach only one of them"
    )

    def install(self) -> None:
        self._folder = tools.python_packages(
            f"flask-{tools.FLASK}-gunicorn-{tools.GUNICORN}", f"flask=={tools.FLASK}", f"gunicorn=={tools.GUNICORN}"
        )

    def version(self) -> str:
        return f"{tools.FLASK}, gunicorn {tools.GUNICORN}"

    def size(self) -> int:
        return _bytes_below(self._folder)

    def prepare(self, setup: Setup) -> None:
        endpoints = [
            {
                "verb": mocks.VERB,
                "path": path,
                "response": {"code": mocks.CODE, "headers": HEADERS, "body": mocks.BODY},
            }
            for path in mocks.paths(setup.mocks)
        ]
        _write(setup.folder / "endpoints.json", endpoints)

    def environment(self, setup: Setup) -> dict[str, str]:
        return {"ENDPOINTS_FILE": str(setup.folder / "endpoints.json"), "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, setup: Setup) -> list[str]:
        return [
            str(self._folder / "bin" / "gunicorn"), "flask_app:app", "--chdir", str(Path(__file__).parent),
            "--bind", setup.address, "--preload", "--workers", "2", "--worker-class", "gthread", "--threads", "4",
            "--keep-alive", "60", "--log-level", "error",
        ]  # fmt: skip


def _mockoon_route(number: int, path: str) -> dict[str, Any]:
    response = {
        "uuid": str(UUID(int=2 * number + 1)),
        "statusCode": mocks.CODE,
        "headers": [{"key": name, "value": value} for name, value in HEADERS.items()],
        "bodyType": "INLINE",
        "body": mocks.BODY,
        "disableTemplating": True,
        "default": True,
        "rules": [],
        "rulesOperator": "OR",
        "callbacks": [],
    }
    return {
        "uuid": str(UUID(int=2 * number)),
        "type": "http",
        "method": mocks.VERB.lower(),
        "endpoint": path.removeprefix("/"),
        "responses": [response],
    }


def _write(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document))


def _bytes_below(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
