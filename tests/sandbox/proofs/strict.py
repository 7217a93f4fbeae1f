"""The tools of the strict proofs: the pace of the sandbox, waiting, and connections inside it."""

import contextlib
import re
import subprocess
import time

from harness import ROOT, STATE

# Divides the periods of health checks, grace, firewall and scaling (emulator/periods.py).
HURRY = STATE / "hurry"
# As in emulator/namespace.py: the group of the load balancer's process.
EMULATOR_GROUP = 4566
PATIENCE = 90


@contextlib.contextmanager
def hurried(factor):
    HURRY.write_text(str(factor))
    try:
        yield
    finally:
        HURRY.unlink()


def until(what, found, seconds=PATIENCE):
    """Waits for a true result, and returns it."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.5)
    return result


def inside(*command):
    return subprocess.run([ROOT / "scripts/sandbox", "exec", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def podman(*arguments):
    return inside("podman", "--remote", "--url", "unix:///mnt/podman.sock", *arguments).stdout


class Packets:
    """Connections inside the sandbox: from a task's network, from the load balancer's process, and from any other process."""

    def __init__(self, echo):
        self.echo = echo
        self.addresses = {detail["value"] for task in echo.tasks() for each in task["attachments"] for detail in each["details"] if detail["name"] == "privateIPv4Address"}
        self.hosts = {name: address for address, name in re.findall(r"^(\S+)\s+(\S+\.amazonaws\.com)$", inside("cat", *self._hosts_files()).stdout, re.M)}

    def _containers(self):
        return podman("ps", "--quiet", "--filter", "name=-echo$").split()

    def _hosts_files(self):
        return podman("inspect", "--format", "{{.HostsPath}}", *self._containers()).split()

    def service(self, name):
        (address,) = (address for host, address in self.hosts.items() if host.startswith(f"{name}."))
        return address

    def from_task(self, *ends):
        """The reached ends, each an address with a port."""
        container = self._containers()[0]
        pid = podman("inspect", "--format", "{{.State.Pid}}", container).strip()
        return self._reached(("nsenter", "--target", pid, "--net"), ends)

    def from_balancer(self, *ends):
        return self._reached(("setpriv", f"--regid={EMULATOR_GROUP}", "--keep-groups"), ends)

    def from_elsewhere(self, *ends):
        return self._reached((), ends)

    def _reached(self, prefix, ends):
        """Tries all ends at once, because a dropped packet has no answer."""
        tries = "".join(f"(timeout 2 bash -c '</dev/tcp/{address}/{port}' && echo '{address} {port}') & " for address, port in ends)
        shown = inside(*prefix, "bash", "-c", f"{tries} wait").stdout
        return {(address, int(port)) for address, port in re.findall(r"^([\d.]+) (\d+)$", shown, re.M)}


def service(echo):
    return echo.aws.ecs.describe_services(cluster=echo.name, services=["echo"])["services"][0]


def desired(echo):
    return service(echo)["desiredCount"]


def scale(echo, count):
    echo.aws.ecs.update_service(cluster=echo.name, service="echo", desiredCount=count)


def scaling(echo):
    return getattr(echo.aws, "application-autoscaling")


def scalable_target(echo):
    return {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": f"service/{echo.name}/echo"}


def bounds(echo):
    """The lowest and the highest number of tasks."""
    (target,) = scaling(echo).describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[scalable_target(echo)["ResourceId"]])["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"]


@contextlib.contextmanager
def bounded(echo, *new):
    """Sets new bounds meanwhile, if given, and the old ones afterwards."""
    old = bounds(echo)
    set_bounds = lambda lowest, highest: scaling(echo).register_scalable_target(**scalable_target(echo), MinCapacity=lowest, MaxCapacity=highest)
    if new:
        set_bounds(*new)
    try:
        yield
    finally:
        set_bounds(*old)
