"""The four steps of a first mock, by a client of openapi-python-client. Usage: story.py URL KEY"""

import importlib
import pkgutil
import sys

import echo_client
from echo_client import AuthenticatedClient, Client
from echo_client.api.endpoints import create_endpoint
from echo_client.api.mocks import get_mock, post_mock
from echo_client.models import ErrorDocument, NewAttributes, PlainEndpoint, Response, Verb


def expect(condition: bool, message: object) -> None:
    if not condition:
        sys.exit(f"openapi-python-client: {message}")


def main(url: str, key: str) -> None:
    # A module with a fault is found here, even if the story does not use it.
    modules = [module.name for module in pkgutil.walk_packages(echo_client.__path__, "echo_client.")]
    for module in modules:
        importlib.import_module(module)
    callers, manager = Client(base_url=url), AuthenticatedClient(base_url=url, token=key)

    missed = get_mock.sync(path="python", client=callers)
    expect(isinstance(missed, ErrorDocument) and "`/python`" in missed.errors[0].detail, missed)
    mock = NewAttributes(verb=Verb.GET, path="/python", response=Response(code=201, body="Hello, world"))
    created = create_endpoint.sync(body=mock, client=manager)
    expect(isinstance(created, PlainEndpoint) and created.response == mock.response, created)
    served = get_mock.sync_detailed(path="python", client=callers)
    expect((served.status_code, served.content) == (201, b"Hello, world"), served)
    other = post_mock.sync(path="python", client=callers)
    expect(isinstance(other, ErrorDocument) and other.errors[0].status == "404", other)
    print(f"ok: openapi-python-client, {len(modules)} modules")


if __name__ == "__main__":
    main(*sys.argv[1:])
