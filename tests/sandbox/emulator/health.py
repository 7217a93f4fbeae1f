"""The health of a task: the checks of its containers, and of its target groups."""

import balancing
import docker
from ministack.services import alb, ecs


def problem(task, definition):
    """The problem of a task's start, or None."""
    client = ecs._get_docker()
    for index, container_definition in enumerate(definition["containerDefinitions"]):
        name = container_definition["name"]
        container = client.containers.get(task["_docker_ids"][index])
        if container.status == "exited":
            if not container_definition.get("essential", True):
                continue
            raise RuntimeError(f"essential container {name} exited: {container.logs(tail=3).decode(errors='replace')}")
        if command := check_of(container_definition).get("command"):
            failure = failed(container, command)
            task["containers"][index]["healthStatus"] = "UNHEALTHY" if failure else "HEALTHY"
            if failure:
                return f"{name}: {failure}"
    service = ecs._services.get(service_key(task)) or {}
    for balancer in service.get("loadBalancers") or []:
        if found := balancing.problem_of(alb._tgs[balancer["targetGroupArn"]], ecs._task_ip(task), balancer["containerPort"]):
            return ": ".join(found)
    return None


def service_key(task):
    return f"{ecs._cluster_name_from_arn(task['clusterArn'])}/{task['group'].partition(':')[2]}"


def check_of(container_definition):
    return container_definition.get("healthCheck") or {}


def failed(container, command):
    """The output of a failed health check of a container; None after a success."""
    try:
        # ECS's form: CMD and the words of a command. The image has no shell for the shell form.
        code, output = container.exec_run(command[1:])
    except docker.errors.APIError as error:
        return str(error)
    return (output.decode(errors="replace").strip() or f"exit code {code}") if code else None
