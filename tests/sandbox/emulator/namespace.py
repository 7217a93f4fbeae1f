"""The machine of a sandbox: namespaces with podman and the emulated AWS, and ports of this machine's loopback that lead in.

scripts/sandbox starts and ends it. All processes of the sandbox are in network, mount and process namespaces. So they can use AWS's
addresses and ports, change nothing on the machine, and cannot outlive this process.

Usage: namespace.py STATE-FOLDER OFFSET PYTHON
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

API_PORT = 4566
DYNAMODB_PORT = 8000
# Ports of load balancers: HTTP, HTTPS, and management with and without a certificate.
BALANCER_PORTS = [80, 443, 8080, 8081, 8443]
# A socket's path has at most 107 bytes, and a checkout may be deep.
PODMAN_SOCKET = "/mnt/podman.sock"
# The group of the emulator. By it the packet filter knows the load balancer, and proofs/strict.py calls tasks.
EMULATOR_GROUP = 4566


def enter(state, offset, python):
    """Opens the ports on this machine, and continues in new namespaces. Sockets stay in their namespace."""
    listeners = []
    for port in [API_PORT, *BALANCER_PORTS]:
        listener = socket.create_server(("127.0.0.1", port + offset), backlog=128)
        listener.set_inheritable(True)
        listeners.append(f"{port}={listener.detach()}")
    namespaces = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    os.execvp("unshare", [*namespaces, sys.executable, "-B", __file__, state, python, *listeners])


def prepare(state):
    """Adds AWS's addresses, the provider's names, and a folder that ends with the namespace."""
    run = subprocess.check_call
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "address", "add", "169.254.170.2/32", "dev", "lo"])
    # A client from the internet, for proofs of the load balancer.
    run(["ip", "address", "add", "198.51.100.7/32", "dev", "lo"])
    # podman's bridge has the lowest MAC address of its containers. A new container may change it, and would cut others
    # off for 20 s without an announcement.
    Path("/proc/sys/net/ipv4/conf/all/arp_notify").write_text("1")
    run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"])
    # S3 Control has the account in its host name.
    hosts = state / "hosts"
    hosts.write_text(Path("/etc/hosts").read_text() + "127.0.0.1 000000000000.localhost\n")
    run(["mount", "--bind", str(hosts), "/etc/hosts"])


def start(state, name, command, **how):
    with (state / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how)


async def relay(port, reader, writer):
    """Copies the bytes of one connection from outside to a port inside, both ways."""

    async def copy(source, sink):
        with contextlib.suppress(OSError):
            while chunk := await source.read(65536):
                sink.write(chunk)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()

    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
    for end in (writer, inner_writer):
        end.close()


async def serve(listeners, children):
    """Relays until a signal, or until a started process ends."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)

    def reap():
        # The first process of a namespace inherits orphans: here, podman's monitors of containers.
        with contextlib.suppress(ChildProcessError):
            while child := os.waitpid(-1, os.WNOHANG)[0]:
                if child in children:
                    over.set()

    loop.add_signal_handler(signal.SIGCHLD, reap)
    for listener in listeners:
        port, _, descriptor = listener.partition("=")
        await asyncio.start_server(lambda r, w, port=int(port): relay(port, r, w), sock=socket.socket(fileno=int(descriptor)))
    await over.wait()


def main():
    if "=" not in sys.argv[-1]:
        enter(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    state, python, *listeners = sys.argv[1:]
    state = Path(state)
    prepare(state)
    os.environ |= {"DOCKER_HOST": f"unix://{PODMAN_SOCKET}", "MINISTACK_ACCOUNT_ID": "000000000000", "IOT_MTLS_ENABLED": "0"}
    os.environ |= {"SANDBOX_STATE": str(state), "SANDBOX_DYNAMODB_PORT": str(DYNAMODB_PORT), "DDB_LOCAL_TELEMETRY": "0"}
    # Without podman's socket, MiniStack counts tasks as running.
    without_tasks = bool(os.environ.get("SANDBOX_WITHOUT_TASKS"))
    podman = ["sleep", "infinity"] if without_tasks else ["podman", "system", "service", "--time", "0", f"unix://{PODMAN_SOCKET}"]
    podman = start(state, "podman", podman)
    dynamodb = start(state, "dynamodb", ["dynamodb-local", str(DYNAMODB_PORT)])
    emulator = start(state, "emulator", [python, "-B", str(Path(__file__).parent / "server.py"), *map(str, BALANCER_PORTS)], group=EMULATOR_GROUP)
    asyncio.run(serve(listeners, {podman.pid, dynamodb.pid, emulator.pid}))
    # Control groups of containers are outside of the namespace. The kernel ends everything else with this process.
    emulator.kill()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    subprocess.run(["podman", "rm", "--all", "--force", "--depend", "--time", "0"], stdout=subprocess.DEVNULL, check=False)


main()
