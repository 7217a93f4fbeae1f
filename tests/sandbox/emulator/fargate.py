"""Makes MiniStack run ECS tasks as Fargate runs them.

MiniStack starts each container of a task separately, with only image, command and environment of its definition. `apply` replaces
functions of MiniStack to add the rest that Echo relies on. README.md compares both.
"""

import contextlib
import os
import time

import docker
import health
import reach
import telemetry
from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services import ec2, ecs, secretsmanager

# Maximum time of a container from its start to its first healthy answer. Many times Echo's, for slow machines, and
# short enough for a test of a failing deployment.
START_SECONDS = 40
# Time until ECS's agent gives up a service that it does not reach; minutes on AWS.
TIMEOUT_SECONDS = 3

_originals = {}
# Deployments by id: MiniStack forgets ended deployments, and the provider asks for their end.
_deployments = {}


def apply():
    """Replaces MiniStack's functions. Call once, before MiniStack serves."""

    def replace(module, name, function):
        _originals[name] = getattr(module, name)
        setattr(module, name, function)

    replace(ecs, "_build_run_kwargs", _run_kwargs)
    replace(ecs, "_record_task_ip", _record_task_ip)
    replace(ecs, "_resolve_container_secrets", _secrets)
    replace(ecs, "_mark_task_running", _mark_task_running)
    replace(ecs, "_fail_task_start", _fail_task_start)
    replace(ecs, "_cleanup_task_resources", _cleanup_task_resources)
    replace(ecs, "_make_deployment", _make_deployment)
    status = docker.models.containers.Container.status.fget
    # podman's word for a killed container, unknown to MiniStack.
    docker.models.containers.Container.status = property(lambda container: status(container).replace("stopped", "exited"))
    ecs._ACTION_MAP["ListServiceDeployments"] = _list_service_deployments
    ecs._ACTION_MAP["DescribeServiceDeployments"] = _describe_service_deployments
    ecs._ACTION_MAP["DescribeServiceRevisions"] = _describe_service_revisions


def services_in_rollout():
    """The ARNs of services whose newest deployment is under way. MiniStack starts all tasks in one subnet, so tasks do not tell where."""
    deployments = ((service, ecs._primary_deployment(service)) for service in ecs._services.values())
    return [service["serviceArn"] for service, newest in deployments if newest and newest["rolloutState"] == "IN_PROGRESS"]


def _run_kwargs(definition, task_definition, env, ports, network, host_mode, task_id, task_arn, own_ip, cluster_arn):
    """Arguments of a container for Docker: MiniStack's, and the rest of the task definition."""
    kwargs = _originals["_build_run_kwargs"](
        definition, task_definition, env, ports, network, host_mode, task_id, task_arn, own_ip, cluster_arn
    )
    linux = definition.get("linuxParameters") or {}
    # A container without a limit may use the task's memory.
    memory = definition.get("memory") or task_definition["memory"]
    kwargs |= {
        "user": definition.get("user"),
        "entrypoint": definition.get("entryPoint"),
        "read_only": definition.get("readonlyRootFilesystem", False),
        "mem_limit": f"{memory}m",
        "memswap_limit": f"{memory}m",
        "cgroup_parent": os.environ["SANDBOX_CGROUP"],
        "cap_drop": (linux.get("capabilities") or {}).get("drop"),
        "init": linux.get("initProcessEnabled", False),
        "tmpfs": {mount["containerPath"]: f"size={mount['size']}m" for mount in linux.get("tmpfs") or []},
    }
    # The SDKs accept credentials over plain HTTP from this address and from loopback only.
    del env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = f"/v2/credentials/{task_id}"
    # Plain HTTP, on the port that security groups have to allow.
    env["AWS_ENDPOINT_URL"] = f"http://{reach.host_of('dynamodb')}:443"
    env["AWS_REGION"] = get_region()
    env["ECS_CONTAINER_METADATA_URI_V4"] = f"http://{reach.LINK_LOCAL}/v4/" + env["ECS_CONTAINER_METADATA_URI_V4"].rpartition("/")[2]
    # The endpoints of telemetry have AWS's names, and a certificate of the sandbox.
    env["SSL_CERT_FILE"] = telemetry.IN_TASKS
    kwargs["volumes"] = [*kwargs.get("volumes", []), f"{telemetry.AUTHORITY}:{telemetry.IN_TASKS}:ro"]
    kwargs.pop("extra_hosts", None)

    task = ecs._tasks[task_arn]
    if task["_docker_ids"]:
        # A task has one network interface, and its containers reach each other on loopback.
        kwargs.pop("network", None)
        kwargs["network_mode"] = f"container:{task['_docker_ids'][0]}"
    else:
        _place(task)
        kwargs["network"] = _network_of(task["_subnet"])
        kwargs["extra_hosts"] = {reach.host_of(service): address for service, address in reach.addresses().items()}
    return kwargs


def _place(task):
    """Places a task in the subnet of its service with the fewest tasks, with the service's security groups."""
    placed = ecs._services[health.service_key(task)]["networkConfiguration"]["awsvpcConfiguration"]
    taken = [other["_subnet"] for other in list(ecs._tasks.values()) if other is not task and other["lastStatus"] != "STOPPED" and "_groups" in other]
    task["_subnet"] = min(placed["subnets"], key=taken.count)
    task["_groups"] = placed["securityGroups"]
    task["availabilityZone"] = ec2._subnets[task["_subnet"]]["AvailabilityZone"]
    if service := reach.unreached_by_agent(task):
        time.sleep(TIMEOUT_SECONDS)
        raise RuntimeError(f"unable to reach {reach.host_of(service)} from {task['_subnet']}: i/o timeout")


def _record_task_ip(task, container, network):
    """Filters the packets of a task from its first address on."""
    _originals["_record_task_ip"](task, container, network)
    reach.refresh()


def _network_of(subnet_id):
    """The name of the container network of a subnet's VPC. Creates a missing network.

    The network has the VPC's addresses, so settings by CIDR work as on AWS: tasks in the lower half; the load balancer, represented by
    the bridge's address, in the upper half.
    """
    vpc_id = ec2._subnets[subnet_id]["VpcId"]
    client = ecs._get_docker()
    with ecs.resource_lock("vpc-network", vpc_id):
        if not client.networks.list(names=[vpc_id]):
            # A new VPC may reuse the addresses of a deleted one.
            for network in client.networks.list():
                if network.name.startswith("vpc-") and network.name not in ec2._vpcs:
                    network.remove()
            lower, gateway = str(reach.cidr_of_tasks(vpc_id)), reach.address_of_balancers(vpc_id)
            pool = docker.types.IPAMPool(subnet=ec2._vpcs[vpc_id]["CidrBlock"], iprange=lower, gateway=gateway)
            client.networks.create(vpc_id, driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    return vpc_id


def _secrets(definition):
    """The values of a container's secrets, in the versions of the task definition."""
    resolved = {}
    for secret in definition.get("secrets", []):
        # arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:JSON-KEY:STAGE:VERSION-ID]
        parts = secret["valueFrom"].split(":") + [""] * 3
        arn, (key, stage, version) = ":".join(parts[:7]), parts[7:10]
        if key:
            raise ecs._SecretResolutionError(f"the sandbox does not read one key of a secret: {secret['valueFrom']}")
        value = secretsmanager.resolve_secret_string(arn, version_stage=stage or "AWSCURRENT", version_id=version or None)
        if value is None:
            raise ecs._SecretResolutionError(f"unable to retrieve secret {secret['valueFrom']}")
        resolved[secret["name"]] = value
    return resolved


def _mark_task_running(task_arn, task):
    """A task runs when the health checks of containers and target groups succeed. It fails if they do not in time."""
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    deadline = time.monotonic() + START_SECONDS
    while (problem := health.problem(task, definition)) and ecs._task_is_active(task_arn, task):
        if time.monotonic() > deadline:
            raise RuntimeError(f"health checks failed: {problem}")
        time.sleep(0.2)
    return _originals["_mark_task_running"](task_arn, task)


def _fail_task_start(task, client, reason):
    """Reports an early ended container with its exit code as the reason, not containers that could not start beside it."""
    for container, started in zip(task["containers"], task["_docker_ids"], strict=False):
        ended = client.containers.get(started)
        if ended.status == "exited":
            container["exitCode"], reason = ended.attrs["State"]["ExitCode"], "Essential container in task exited"
    _originals["_fail_task_start"](task, client, reason)


def _cleanup_task_resources(task, client, extra_container=None):
    """Stops and removes a task's containers in the background, each within the time of its definition. As on ECS, a task counts as stopped
    before its containers end, and two tasks stop as fast as one."""
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        containers, task["_docker_ids"] = task.get("_docker_ids") or [], []
    _originals["_cleanup_task_resources"](task, client, extra_container)
    if not ecs._get_docker():
        # In a sandbox without tasks no container started.
        return
    definitions = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]["containerDefinitions"]
    depended_on = {dependency["containerName"] for definition in definitions for dependency in definition.get("dependsOn") or []}
    # Containers that others depend on stop last.
    order = sorted(zip(definitions, containers, strict=False), key=lambda pair: pair[0]["name"] in depended_on)

    def remove():
        # A separate client: MiniStack's has a time-out below the stop time of a container.
        patient = docker.from_env(timeout=180)
        for definition, container in order:
            with contextlib.suppress(docker.errors.APIError):
                patient.containers.get(container).stop(timeout=definition.get("stopTimeout") or 30)
        # By name, because MiniStack lists only started containers. The first one holds the network of the others, so it
        # goes last. Until then the VPC's network remains.
        names = f"ministack-ecs-{task['taskArn'].rpartition('/')[2][:8]}-"
        rest = patient.containers.list(all=True, filters={"name": names})
        for container in sorted(rest, key=lambda container: container.attrs["Created"], reverse=True):
            with contextlib.suppress(docker.errors.APIError):
                container.remove(v=True, force=True)
        task["_gone"] = True
        reach.refresh()

    ecs.spawn_background(remove, thread_name="sandbox-stop")


def _make_deployment(task_definition, desired_count, status="PRIMARY"):
    """A deployment is in progress until its tasks run, also the first. Its time has fractions, because the provider ignores a deployment
    from the same second as its request."""
    deployment = _originals["_make_deployment"](task_definition, desired_count, status)
    deployment |= {"createdAt": time.time(), "rolloutState": "IN_PROGRESS", "rolloutStateReason": ""}
    _deployments[deployment["id"].rpartition("/")[2]] = deployment
    return deployment


def _list_service_deployments(data):
    """Includes ended deployments: all of a service are of one family."""
    cluster, service = data["cluster"].rpartition("/")[2], data["service"].rpartition("/")[2]
    family = ecs._services[f"{cluster}/{service}"]["taskDefinition"].rpartition(":")[0]
    of_service = [deployment for deployment in _deployments.values() if deployment["taskDefinition"].rpartition(":")[0] == family]
    found = [_service_deployment(deployment, cluster, service) for deployment in of_service]
    return json_response({"serviceDeployments": [it for it in reversed(found) if it["status"] in data.get("status", [it["status"]])]})


def _describe_service_deployments(data):
    found = []
    for arn in data["serviceDeploymentArns"]:
        cluster, service, deployment_id = arn.split("/")[1:]
        found.append(_service_deployment(_deployments[deployment_id], cluster, service))
    return json_response({"serviceDeployments": found})


def _describe_service_revisions(data):
    found = []
    for arn in data["serviceRevisionArns"]:
        deployment = _deployments[arn.rpartition("/")[2]]
        containers = ecs._task_defs[ecs._resolve_td_key(deployment["taskDefinition"])]["containerDefinitions"]
        images = [{"containerName": container["name"], "image": container["image"]} for container in containers]
        found.append({"serviceRevisionArn": arn, "createdAt": deployment["createdAt"], "containerImages": images})
    return json_response({"serviceRevisions": found})


def _service_deployment(deployment, cluster, service):
    prefix, deployment_id = f"arn:aws:ecs:{get_region()}:{get_account_id()}", deployment["id"].rpartition("/")[2]
    return {
        "serviceDeploymentArn": f"{prefix}:service-deployment/{cluster}/{service}/{deployment_id}",
        "targetServiceRevisionArn": f"{prefix}:service-revision/{cluster}/{service}/{deployment_id}",
        "createdAt": deployment["createdAt"],
        "status": _status(deployment, ecs._services[f"{cluster}/{service}"]),
        "statusReason": deployment["rolloutStateReason"],
    }


def _status(deployment, service):
    if deployment["rolloutState"] == "COMPLETED":
        return "SUCCESSFUL"
    if deployment["rolloutState"] == "IN_PROGRESS":
        return "IN_PROGRESS"
    primary = ecs._primary_deployment(service)
    if primary is deployment:
        # No earlier deployment for a rollback.
        return "STOPPED"
    return "ROLLBACK_SUCCESSFUL" if primary["rolloutState"] == "COMPLETED" else "ROLLBACK_IN_PROGRESS"
