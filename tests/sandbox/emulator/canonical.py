"""AWS's own form of definitions of containers, of listeners, and of attributes of load balancers and target groups.

Sources: the API references of Elastic Load Balancing (LoadBalancerAttribute, TargetGroupAttribute, ListenerAttribute, Action); AWS's
"Amazon ECS task definition parameters for Fargate"; answers of DescribeTaskDefinition in public repositories; the provider's tests of
listeners on AWS (internal/service/elbv2/listener_test.go), and its equivalence of definitions
(internal/service/ecs/task_definition_equivalency.go). Unknown, and so omitted: an empty `ignoredExitCodes` in a restart policy.
"""

# AWS stores an empty list for an absent one.
LISTS = ("environment", "mountPoints", "portMappings", "systemControls", "volumesFrom")
# Defaults of an application load balancer and its target groups.
LOAD_BALANCER = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
TARGET_GROUP = {
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
# By default, a listener adds no header to answers, and keeps the header `server`.
ADDED_TO_ANSWERS = (
    "access_control_allow_credentials",
    "access_control_allow_headers",
    "access_control_allow_methods",
    "access_control_allow_origin",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "strict_transport_security",
    "x_content_type_options",
    "x_frame_options",
)
LISTENER = {f"routing.http.response.{name}.header_value": "" for name in ADDED_TO_ANSWERS} | {"routing.http.response.server.enabled": "true"}
# An HTTPS listener also has the names of the headers about TLS and certificates.
OF_CERTIFICATES = ("", "-Issuer", "-Leaf", "-Serial-Number", "-Subject", "-Validity")
ADDED_TO_REQUESTS = [f"X-Amzn-Mtls-Clientcert{part}" for part in OF_CERTIFICATES] + ["X-Amzn-Tls-Cipher-Suite", "X-Amzn-Tls-Version"]
TLS_LISTENER = LISTENER | {f"routing.http.request.{name.lower().replace('-', '_')}.header_name": name for name in ADDED_TO_REQUESTS}
HEALTH_CHECK = {"interval": 30, "timeout": 5, "retries": 3}


def container(given, network_mode):
    """A container's definition as AWS stores it."""
    stored = {"cpu": 0, "essential": True} | {name: [] for name in LISTS} | given
    stored["portMappings"] = [port_mapping(mapping, network_mode) for mapping in stored["portMappings"]]
    # AWS keeps no order of variables.
    for name in ("environment", "secrets"):
        if name in stored:
            stored[name] = sorted(stored[name], key=lambda variable: variable["name"], reverse=True)
    if check := stored.get("healthCheck"):
        stored["healthCheck"] = HEALTH_CHECK | check
    linux = stored.get("linuxParameters", {})
    if capabilities := linux.get("capabilities"):
        # AWS adds the other list to a single one.
        stored["linuxParameters"] = linux | {"capabilities": {"add": [], "drop": []} | capabilities}
    return stored


def port_mapping(given, network_mode):
    """A task with a separate network has the same port outside as inside."""
    host = {"hostPort": given["containerPort"]} if network_mode == "awsvpc" else {"hostPort": 0}
    return host | {"protocol": "tcp"} | given


def with_defaults(attributes, defaults):
    """Attributes as a list of keys and values, with defaults for absent ones."""
    told = {attribute["Key"] for attribute in attributes}
    return attributes + [{"Key": key, "Value": value} for key, value in defaults.items() if key not in told]


def forward(target_group):
    """The XML of a forward to one target group, also in the form for several."""
    return (
        f"<ForwardConfig><TargetGroups><member><TargetGroupArn>{target_group}</TargetGroupArn><Weight>1</Weight></member></TargetGroups>"
        "<TargetGroupStickinessConfig><Enabled>false</Enabled></TargetGroupStickinessConfig></ForwardConfig>"
    )
