"""What MiniStack is told about a resource and does not give back, so that a second plan would want to change it; and what AWS gives back
without being told.

A create's parameters are written into the answers that describe what it made, beside the resource's id.
"""

import json
from xml.sax.saxutils import escape

from ministack.services import cloudwatch, dynamodb, ec2, ecs

# What to add to descriptions, by the element that holds an id.
_additions = {}
# What alarms were given, by name: alarming.py evaluates that.
alarms = {}


def apply():
    _remember("CreateFlowLogs", "DescribeFlowLogs", "flowLogId", "fl-", _flow_log)
    _remember("CreateVpcEndpoint", "DescribeVpcEndpoints", "vpcEndpointId", "vpce-", _endpoint)
    _remember_rules()
    _remember_alarms()
    _remember_recovery_period()
    _fill_in_capabilities()
    _remember_rebalancing("CreateService")
    _remember_rebalancing("UpdateService")


def _remember_rules():
    """The prefix lists in the rules of security groups; and that a rule for all protocols has no ports, whatever is said, so that the
    provider takes away the one that a new group begins with."""
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
    """What an alarm was not given, which MiniStack fills in; and the metrics of an expression, which it leaves out."""
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
    """For how many days a table can be brought back to any second."""
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


def _fill_in_capabilities():
    """A container's capabilities are two lists in AWS, also where only one was given."""
    register = ecs._ACTION_MAP["RegisterTaskDefinition"]

    def registering(data):
        for container in data["containerDefinitions"]:
            if capabilities := container.get("linuxParameters", {}).get("capabilities"):
                capabilities |= {"add": capabilities.get("add", []), "drop": capabilities.get("drop", [])}
        return register(data)

    ecs._ACTION_MAP["RegisterTaskDefinition"] = registering


def _remember_rebalancing(action):
    """Whether a service evens its tasks out over zones."""
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
        # The id is the only word of the answer that begins so.
        for word in body.decode().replace("<", ">").split(">"):
            if word.startswith(prefix):
                id_element = f"<{element}>{word}</{element}>"
                _additions[id_element] = addition(parameters, word)
        return status, headers, _add(body)

    def describing(parameters):
        status, headers, body = original_describe(parameters)
        return status, headers, _add(body)

    ec2._ACTION_MAP[create], ec2._ACTION_MAP[describe] = creating, describing


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
    groups = "".join(f"<item><groupId>{group}</groupId></item>" for group in ec2._parse_member_list(parameters, "SecurityGroupId"))
    service = ec2._p(parameters, "ServiceName").rpartition(".")[2]
    name = f"<item><dnsName>{endpoint}.{service}.vpce.amazonaws.com</dnsName><hostedZoneId>Z0</hostedZoneId></item>"
    return (
        f"{policy}<groupSet>{groups}</groupSet><privateDnsEnabled>{ec2._p(parameters, 'PrivateDnsEnabled', 'false')}</privateDnsEnabled>"
        f"<dnsEntrySet>{name}</dnsEntrySet><ipAddressType>{ec2._p(parameters, 'IpAddressType', 'ipv4')}</ipAddressType>"
    )
