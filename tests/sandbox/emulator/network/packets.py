"""The rules of the packet filter, from the emulated AWS's network.

In the sandbox's network namespace, the table `mangle` comes before the tables of podman, and nothing else uses it. A task's packets arrive from the
container network; those of the load balancer leave from the emulator, which runs with a group of its own. Filters of new connections leave tracked
ones alone, as security groups do. Without a route, no packet passes.
"""

from .groups import open_ports
from .ways import reachable_ports

CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
TRACKED = "--match conntrack --ctstate ESTABLISHED,RELATED --jump ACCEPT"


def table(network, cidrs, tasks, balancers, services, metadata, group):
    """The input of iptables-restore. `cidrs`: the addresses of tasks; `services`: public addresses by name; `metadata`: the address of credentials
    and metadata; `group`: the emulator's group."""
    lines = ["*mangle", *(f":{chain} ACCEPT" for chain in CHAINS), ":FROM-TASKS -", ":TO-TASKS -"]
    for cidr in sorted(cidrs):
        lines += [f"-A INPUT --source {cidr} --jump FROM-TASKS", f"-A FORWARD --source {cidr} --jump FROM-TASKS", f"-A OUTPUT --destination {cidr} --jump TO-TASKS"]
    ways = {(task, name): reachable_ports(network, task, name, address) for task in tasks for name, address in services.items()}
    lines += [f"-A FROM-TASKS --source {task.address} --destination {services[name]} --jump DROP" for (task, name), ports in ways.items() if ports is None]
    lines += [f"-A FROM-TASKS {TRACKED}", f"-A FROM-TASKS --destination {metadata} --protocol tcp --dport 80 --jump ACCEPT"]
    for (task, name), ports in ways.items():
        lines += _accepted("FROM-TASKS", f"--source {task.address} --destination {services[name]}", ports or [])
    for task in tasks:
        for other in tasks:
            if other is not task:
                lines += _accepted("FROM-TASKS", f"--source {task.address} --destination {other.address}", open_ports(network, task, other))
    lines += ["-A FROM-TASKS --jump DROP", f"-A TO-TASKS {TRACKED}"]
    for balancer in balancers:
        for task in tasks:
            ends = f"--destination {task.address} --match owner --gid-owner {group}"
            lines += _accepted("TO-TASKS", ends, open_ports(network, balancer, task))
    return "\n".join([*lines, "-A TO-TASKS --jump DROP", "COMMIT", ""])


def _accepted(chain, ends, ranges):
    return [f"-A {chain} {ends} --protocol tcp --dport {low}:{high} --jump ACCEPT" for low, high in ranges]
