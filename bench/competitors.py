"""Other mock servers. Each loads its mocks from a file at its start, the fastest way of each, and has the settings that
its documentation recommends under load: no journal and no log of requests."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import mocks, tools
from bench.mocks import Mock
from bench.server import Server, Setup, free_port

HEADERS = {"Content-Type": mocks.CONTENT_TYPE}

# Just-in-time compilers need seconds of load for their best code.
JVM_WARM_UP_SECONDS = 8
NODE_WARM_UP_SECONDS = 3

# WireMock's setting for many delayed responses. Otherwise, each waiting response holds one of its threads.
ASYNCHRONOUS = ["--async-response-enabled", "true"]

# Version of our environment files: Mockoon migrates older versions at its start.
MOCKOON_MIGRATION = 33
MOCKOON_TEMPLATE = mocks.shown(
    "{{urlParam 'id'}}", "{{queryParam 'lang'}}", "{{header 'X-Tenant'}}", "{{method}}"
)


class WireMock(Server):
    key = "wiremock"
    title = "WireMock"
    settings = (
        "`--no-request-journal --disable-request-logging --disable-gzip`, without templates also "
        "`--disable-response-templating`, with delays also `--async-response-enabled true`; default "
        "threads: neither more or fewer threads nor asynchronous responses saved CPU time"
    )
    matching = "`urlPathTemplate`, `queryParameters` and `headers`, `equalToJson` with `ignoreExtraElements`, Handlebars"
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
        _write(folder / "mocks.json", {"mappings": [_wiremock_mapping(mock) for mock in setup.each_mock()]})

    def command(self, setup: Setup) -> list[str]:
        of_kind = {mocks.TEMPLATE: [], mocks.DELAY: ["--disable-response-templating", *ASYNCHRONOUS]}
        return [
            "java", "-jar", str(self._jar),
            "--bind-address", "127.0.0.1", "--port", str(setup.port), "--root-dir", str(setup.folder),
            "--no-request-journal", "--disable-request-logging", "--disable-gzip", "--disable-banner",
            *of_kind.get(setup.kind, ["--disable-response-templating"]),
        ]  # fmt: skip


class MockServer(Server):
    key = "mockserver"
    title = "MockServer"
    settings = "`disableLogging`, log level ERROR, `maxExpectations` raised to the number of mocks; JVM defaults"
    matching = "`pathParameters`, `queryStringParameters` and `headers`, a JSON body with `ONLY_MATCHING_FIELDS`, Velocity"
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
        _write(setup.folder / "expectations.json", [_mockserver_expectation(mock) for mock in setup.each_mock()])

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
        "each connection, and with 404 as its default response"
    )
    matching = "predicates: `matches` for the path with a parameter, `equals` for all others, also within JSON; the behavior `copy` for templates"
    warm_up_seconds = NODE_WARM_UP_SECONDS

    def install(self) -> None:
        tools.need("node", "npm")
        self._folder = tools.npm_package("mountebank", tools.MOUNTEBANK)

    def version(self) -> str:
        return tools.MOUNTEBANK

    def size(self) -> int:
        return _bytes_below(self._folder)

    def prepare(self, setup: Setup) -> None:
        imposter = {
            "protocol": "http",
            "host": "127.0.0.1",
            "port": setup.port,
            "stubs": [_mountebank_stub(mock) for mock in setup.each_mock()],
            "defaultResponse": {"statusCode": 404, "headers": {"Connection": "keep-alive"}},
        }
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
        "`--disable-log-to-file --disable-admin-api --max-transaction-logs 1`, templating off for other mocks; "
        "the log of requests on standard output cannot be switched off, and goes to `/dev/null`"
    )
    matching = "routes with `:id`, rules joined by AND, and the mode `FALLBACK`, which returns 404 without a match; Handlebars"
    warm_up_seconds = NODE_WARM_UP_SECONDS

    def install(self) -> None:
        tools.need("node", "npm")
        self._folder = tools.npm_package("@mockoon/cli", tools.MOCKOON)

    def version(self) -> str:
        return tools.MOCKOON

    def size(self) -> int:
        return _bytes_below(self._folder)

    def prepare(self, setup: Setup) -> None:
        routes = [_mockoon_route(number, mock) for number, mock in enumerate(setup.each_mock())]
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
                "verb": mock.verb,
                "path": mock.path,
                "response": {"code": mocks.CODE, "headers": HEADERS, "body": mock.body},
            }
            for mock in setup.each_mock()
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


def _wiremock_mapping(mock: Mock) -> dict[str, Any]:
    request: dict[str, Any] = {"method": mock.verb}
    request["urlPathTemplate" if mocks.PARAMETER in mock.path else "urlPath"] = mock.path
    if mock.query:
        request["queryParameters"] = {name: {"equalTo": value} for name, value in mock.query.items()}
    if mock.headers:
        request["headers"] = {name: {"equalTo": value} for name, value in mock.headers.items()}
    if mock.json:
        request["bodyPatterns"] = [{"equalToJson": mock.json, "ignoreExtraElements": True}]
    response: dict[str, Any] = {"status": mocks.CODE, "headers": HEADERS, "body": mock.body}
    if mock.is_template:
        body = mocks.shown(
            "{{request.path.id}}", "{{request.query.lang}}", "{{request.headers.X-Tenant}}", "{{request.method}}"
        )
        response |= {"body": body, "transformers": ["response-template"]}
    if mock.delay_ms:
        response["fixedDelayMilliseconds"] = mock.delay_ms
    return {"request": request, "response": response}


def _mockserver_expectation(mock: Mock) -> dict[str, Any]:
    request: dict[str, Any] = {"method": mock.verb, "path": mock.path}
    if mocks.PARAMETER in mock.path:
        request["pathParameters"] = {mocks.PARAMETER.strip("{}"): [".*"]}
    if mock.query:
        request["queryStringParameters"] = {name: [value] for name, value in mock.query.items()}
    if mock.headers:
        request["headers"] = {name: [value] for name, value in mock.headers.items()}
    if mock.json:
        request["body"] = {"type": "JSON", "json": mock.json, "matchType": "ONLY_MATCHING_FIELDS"}
    response: dict[str, Any] = {
        "statusCode": mocks.CODE,
        "headers": {name: [value] for name, value in HEADERS.items()},
        "body": mock.body,
    }
    if mock.is_template:
        body = mocks.shown(
            "$!request.pathParameters['id'][0]",
            "$!request.queryStringParameters['lang'][0]",
            "$!request.headers['X-Tenant'][0]",
            "$!request.method",
        )
        template = {"templateType": "VELOCITY", "template": json.dumps(response | {"body": body})}
        return {"httpRequest": request, "httpResponseTemplate": template}
    if mock.delay_ms:
        response["delay"] = {"timeUnit": "MILLISECONDS", "value": mock.delay_ms}
    return {"httpRequest": request, "httpResponse": response}


def _mountebank_stub(mock: Mock) -> dict[str, Any]:
    equals: dict[str, Any] = {"method": mock.verb}
    predicates: list[dict[str, Any]] = [{"equals": equals}]
    if mocks.PARAMETER in mock.path:
        predicates.append({"matches": {"path": f"^{mock.path.replace(mocks.PARAMETER, '[^/]+')}$"}})
    else:
        equals["path"] = mock.path
    tests = {"query": mock.query, "headers": mock.headers, "body": mock.json}
    equals |= {part: tested for part, tested in tests.items() if tested}
    headers = HEADERS | {"Connection": "keep-alive"}
    response = {"is": {"statusCode": mocks.CODE, "headers": headers, "body": mock.body}}
    if mock.is_template:
        sources: list[tuple[Any, str]] = [
            ("path", "[^/]+$"), ({"query": "lang"}, ".+"), ({"headers": "X-Tenant"}, ".+"), ("method", ".+")
        ]  # fmt: skip
        response["is"]["body"] = mocks.shown("${0}", "${1}", "${2}", "${3}")
        response["behaviors"] = [
            {"copy": {"from": source, "into": f"${{{number}}}", "using": {"method": "regex", "selector": pattern}}}
            for number, (source, pattern) in enumerate(sources)
        ]
    if mock.delay_ms:
        response["behaviors"] = [{"wait": mock.delay_ms}]
    return {"predicates": predicates, "responses": [response]}


def _mockoon_route(number: int, mock: Mock) -> dict[str, Any]:
    rules = [_mockoon_rule("query", name, value) for name, value in mock.query.items()]
    rules += [_mockoon_rule("header", name, value) for name, value in mock.headers.items()]
    if mock.customer is not None:
        rules.append(_mockoon_rule("body", "customer.id", str(mock.customer)))
    response = {
        "uuid": str(UUID(int=2 * number + 1)),
        "statusCode": mocks.CODE,
        "headers": [{"key": name, "value": value} for name, value in HEADERS.items()],
        "bodyType": "INLINE",
        "body": MOCKOON_TEMPLATE if mock.is_template else mock.body,
        "latency": mock.delay_ms,
        "disableTemplating": not mock.is_template,
        "default": True,
        "rules": rules,
        "rulesOperator": "AND",
        "callbacks": [],
    }
    return {
        "uuid": str(UUID(int=2 * number)),
        "type": "http",
        "method": mock.verb.lower(),
        "endpoint": mock.path.replace(mocks.PARAMETER, ":id").removeprefix("/"),
        "responses": [response],
        "responseMode": "FALLBACK" if rules else None,
    }


def _mockoon_rule(target: str, name: str, value: str) -> dict[str, Any]:
    return {"target": target, "modifier": name, "operator": "equals", "value": value, "invert": False}


def _write(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document))


def _bytes_below(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
