"""Reference servers without mocks: the same response to every request shows the limit of the machine."""

import tomllib

from bench import nginx, tools
from bench.server import Server, Setup

BARE_HYPER = "release/examples/bare_hyper"


class BareHyper(Server):
    key = "hyper"
    title = "bare hyper"
    settings = (
        "`service/examples/bare_hyper.rs`: hyper's HTTP/1 server on tokio, which reads each request's body, one fixed "
        "answer from static data, compiled with Echo's own profile"
    )
    holds_mocks = False

    def install(self) -> None:
        tools.build("--example", "bare_hyper")

    def version(self) -> str:
        locked = tomllib.loads((tools.ROOT / "Cargo.lock").read_text())["package"]
        return f"hyper {next(package['version'] for package in locked if package['name'] == 'hyper')}"

    def size(self) -> int:
        return (tools.target() / BARE_HYPER).stat().st_size

    def command(self, setup: Setup) -> list[str]:
        return [str(tools.target() / BARE_HYPER), setup.address]


class Nginx(Server):
    key = "nginx"
    title = "nginx"
    settings = "`return 200` with the same body; one worker per core, no access log, connections kept alive without end"
    holds_mocks = False

    def install(self) -> None:
        tools.need("nginx")

    def version(self) -> str:
        return tools.first_line("nginx", "-v").removeprefix("nginx version: nginx/")

    def command(self, setup: Setup) -> list[str]:
        return nginx.ruler(setup.folder, setup.port)
