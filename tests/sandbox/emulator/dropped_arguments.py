"""Returns arguments of creates that MiniStack drops, and defaults that AWS adds. Without them each second plan changes the resources.

The file writes the parameters of a create into descriptions of the resource, beside its id.
"""

import json
import os
import re
from pathlib import Path
from xml.sax.saxutils import escape

import canonical
from ministack.services import alb, cloudwatch, dynamodb, ec2, ecs

# Additions to descriptions, by the element with the id, and their sources.
_additions, _made_of = {}, {}
# Arguments of alarms, by name, for alarm_evaluator.py.
alarms = {}


def apply():
    _remember("CreateFlowLogs", "DescribeFlowLogs", "flowLogId", "fl-", _flow_log)
    _remember("CreateVpcEndpoint", "DescribeVpcEndpoints", "vpcEndpointId", "vpce-", _endpoint)
    _make_regional_gateways()
    _remember_rules()
    _remember_alarms()
    _remember_recovery_period()
    _normalise_containers()
    _normalise_balancers()
    _remember_rebalancing("CreateService")
    _remember_rebalancing("UpdateService")


def planted():
    """The target of a planted fault: the emulator answers this call without effect, and changes.py has to find it."""
    file = Path(os.environ["SANDBOX_STATE"]) / "forgets"
    return file.read_text() if file.exists() else None


def _make_regional_gateways():
    """A regional NAT gateway has no subnet, but MiniStack requires one."""
    create = ec2._ACTION_MAP["CreateNatGateway"]

    def creating(parameters):
        if ec2._p(parameters, "AvailabilityMode") != "regional":
            return create(parameters)
        answer = create(parameters | {"SubnetId": ["none"]})
        gateway = re.search(r"nat-\w+", answer[2].decode())[0]
        ec2._nat_gateways[gateway] |= {"SubnetId": "", "VpcId": ec2._p(parameters, "VpcId")}
        return answer

    ec2._ACTION_MAP["CreateNatGateway"] = creating
    mode = lambda parameters, _: f"<availabilityMode>{ec2._p(parameters, 'AvailabilityMode', 'zonal')}</availabilityMode>"
    _remember("CreateNatGateway", "DescribeNatGateways", "natGatewayId", "nat-", mode)


def _remember_rules():
    """Keeps prefix lists in rules of security groups. Removes ports from rules for all protocols, so that the provider can remove the first
    rule of a new group."""
    parse_rules, rule_xml = ec2._parse_ip_permissions, ec2._sg_rule_xml

    def rules_as_meant(parameters, prefix):
        rules = parse_rules(parameters, prefix)
        for number, rule in enumerate(rules, 1):
            entry = f"{prefix}.{number}.PrefixListIds.1"
            name, description = ec2._p(parameters, f"{entry}.PrefixListId"), ec2._p(parameters, f"{entry}.Description")
            if name and not rule["PrefixListIds"]:
                rule["PrefixListIds"] = [{"PrefixListId": name, "Description": description}]
            if rule["IpProtocol"] == "-1":
                rule.pop("FromPort", None)
                rule.pop("ToPort", None)
        return rules

    def rule_xml_with_prefix_lists(group_id, rule, is_egress=False):
        lists = "".join(f"<prefixListId>{entry['PrefixListId']}</prefixListId>" for entry in rule.get("PrefixListIds", []))
        return rule_xml(group_id, rule, is_egress).replace("</item>", f"{lists}</item>")

    ec2._parse_ip_permissions, ec2._sg_rule_xml = rules_as_meant, rule_xml_with_prefix_lists


def _remember_alarms():
    """Removes arguments of alarms that MiniStack invents, and keeps the metrics of an expression."""
    put, describe = cloudwatch._put_metric_alarm, cloudwatch._cbor_alarm

    def putting(parameters, given, is_cbor, is_json=False):
        alarms[given.get("AlarmName")] = given
        answer = put(parameters, given, is_cbor, is_json)
        if "Metrics" in given and (alarm := cloudwatch._alarms.get(given["AlarmName"])):
            alarm["Metrics"] = given["Metrics"]
        return answer

    def describing(alarm):
        described, given = describe(alarm), alarms.get(alarm["AlarmName"])
        if given:
            described = {name: value for name, value in described.items() if name not in ("Period", "Statistic") or name in given}
        return described

    cloudwatch._put_metric_alarm, cloudwatch._cbor_alarm = putting, describing


def _remember_recovery_period():
    """Keeps the recovery period of tables."""
    update, describe = dynamodb._update_continuous_backups, dynamodb._describe_continuous_backups
    periods = {}

    def updating(data):
        periods[data["TableName"]] = data["PointInTimeRecoverySpecification"].get("RecoveryPeriodInDays", 35)
        return update(data)

    def describing(data):
        status, headers, body = describe(data)
        document = json.loads(body)
        recovery = document.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") == "ENABLED":
            recovery["RecoveryPeriodInDays"] = periods[data["TableName"]]
        return status, headers, json.dumps(document).encode()

    dynamodb._update_continuous_backups, dynamodb._describe_continuous_backups = updating, describing


def _normalise_containers():
    """Containers as AWS stores them."""
    register = ecs._ACTION_MAP["RegisterTaskDefinition"]

    def registering(data):
        containers = [canonical.container(given, data.get("networkMode")) for given in data["containerDefinitions"]]
        return register(data | {"containerDefinitions": containers})

    ecs._ACTION_MAP["RegisterTaskDefinition"] = registering


def _normalise_balancers():
    """Adds default attributes, and returns listeners in AWS's form."""
    action_xml, listener_xml = alb._action_xml, alb._listener_xml

    def describing(action, kept, name, defaults_of):
        describe = alb._ACTION_MAP[action]

        def filled(parameters):
            arn = alb._p(parameters, name)
            if arn in kept:
                kept[arn] = canonical.with_defaults(kept[arn], defaults_of(arn))
            return describe(parameters)

        alb._ACTION_MAP[action] = filled

    def action_as_told(action):
        told = action_xml(action)
        return told.removesuffix("</member>") + canonical.forward(action["TargetGroupArn"]) + "</member>" if action["Type"] == "forward" else told

    def listener_as_told(listener):
        off = "<MutualAuthentication><Mode>off</Mode></MutualAuthentication>" if listener.get("Protocol") == "HTTPS" else ""
        return listener_xml(listener).removesuffix("</member>") + off + "</member>"

    describing("DescribeLoadBalancerAttributes", alb._lb_attrs, "LoadBalancerArn", lambda _: canonical.LOAD_BALANCER)
    describing("DescribeTargetGroupAttributes", alb._tg_attrs, "TargetGroupArn", lambda _: canonical.TARGET_GROUP)
    with_tls = lambda listener: alb._listeners[listener]["Protocol"] == "HTTPS"
    describing("DescribeListenerAttributes", alb._listener_attrs, "ListenerArn", lambda arn: canonical.TLS_LISTENER if with_tls(arn) else canonical.LISTENER)
    alb._action_xml, alb._listener_xml = action_as_told, listener_as_told


def _remember_rebalancing(action):
    """Keeps the rebalancing of a service over zones."""
    original = ecs._ACTION_MAP[action]

    def acting(data):
        answer = original(data)
        name = data.get("serviceName") or data["service"].rpartition("/")[2]
        service = ecs._services.get(f"{data['cluster'].rpartition('/')[2]}/{name}")
        if service and "availabilityZoneRebalancing" in data:
            service["availabilityZoneRebalancing"] = data["availabilityZoneRebalancing"]
        return answer

    ecs._ACTION_MAP[action] = acting


def _remember(create, describe, element, prefix, addition):
    original_create, original_describe = ec2._ACTION_MAP[create], ec2._ACTION_MAP[describe]

    def creating(parameters):
        status, headers, body = original_create(parameters)
        # Only the id begins with this prefix.
        for word in body.decode().replace("<", ">").split(">"):
            if word.startswith(prefix):
                id_element = f"<{element}>{word}</{element}>"
                _additions[id_element] = addition(parameters, word)
                _made_of[id_element] = addition, parameters
        return status, headers, _add(body)

    def describing(parameters):
        status, headers, body = original_describe(parameters)
        return status, headers, _add(body)

    ec2._ACTION_MAP[create], ec2._ACTION_MAP[describe] = creating, describing


def add_anew(element, word, changes):
    """Adds parameters after an update."""
    id_element = f"<{element}>{word}</{element}>"
    addition, parameters = _made_of[id_element]
    _made_of[id_element] = addition, parameters | changes
    _additions[id_element] = addition(parameters | changes, word)


def _add(body):
    text = body.decode()
    for id_element, addition in _additions.items():
        text = text.replace(id_element, id_element + addition)
    return text.encode()


def _flow_log(parameters, flow_log):
    ec2._parse_tag_specs(parameters, "vpc-flow-log", flow_log)
    role, interval = ec2._p(parameters, "DeliverLogsPermissionArn"), ec2._p(parameters, "MaxAggregationInterval", "600")
    log_format = ec2._p(parameters, "LogFormat")
    return (
        f"<deliverLogsPermissionArn>{role}</deliverLogsPermissionArn><maxAggregationInterval>{interval}</maxAggregationInterval>"
        f"<logFormat>{log_format}</logFormat>"
    )


def _endpoint(parameters, endpoint):
    policy = ec2._p(parameters, "PolicyDocument")
    policy = f"<policyDocument>{escape(policy)}</policyDocument>" if policy else ""
    if ec2._p(parameters, "VpcEndpointType") != "Interface":
        return policy
    named = ec2._parse_member_list(parameters, "SecurityGroupId")
    ec2._vpc_endpoints[endpoint] |= {"Groups": named, "PrivateDnsEnabled": ec2._p(parameters, "PrivateDnsEnabled") == "true"}
    groups = "".join(f"<item><groupId>{group}</groupId></item>" for group in named)
    service = ec2._p(parameters, "ServiceName").rpartition(".")[2]
    name = f"<item><dnsName>{endpoint}.{service}.vpce.amazonaws.com</dnsName><hostedZoneId>Z0</hostedZoneId></item>"
    return (
        f"{policy}<groupSet>{groups}</groupSet><privateDnsEnabled>{ec2._p(parameters, 'PrivateDnsEnabled', 'false')}</privateDnsEnabled>"
        f"<dnsEntrySet>{name}</dnsEntrySet><ipAddressType>{ec2._p(parameters, 'IpAddressType', 'ipv4')}</ipAddressType>"
    )
