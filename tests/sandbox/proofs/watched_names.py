"""Checks that each name in the applied dashboard and alarms exists in AWS.

A name is a set of pairs: the dimensions of a metric, or its namespace and name without dimensions; the attributes of the resource in a
PromQL selector.
"""

import re

import botocore.session
from client import expect

OPERATIONS = {("Operation", name) for name in botocore.session.Session().get_service_model("dynamodb").operation_names}

# The account's use of Fargate.
VCPU = {("Service", "Fargate"), ("Type", "Resource"), ("Resource", "vCPU"), ("Class", "Standard/OnDemand")}


def there(wiring):
    """The names of an environment, and the names of AWS in every environment."""
    wafv2, logs = wiring.aws.wafv2, wiring.aws.logs
    acls = [wafv2.get_web_acl(Scope="REGIONAL", Name=it["Name"], Id=it["Id"])["WebACL"] for it in wafv2.list_web_acls(Scope="REGIONAL")["WebACLs"]]
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    filters = logs.describe_metric_filters(logGroupName=wiring.log_group)["metricFilters"]
    attributes = dict(pair.split("=") for pair in wiring.environment["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    return {
        ("LoadBalancer", wiring.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]),
        *(("TargetGroup", group["TargetGroupArn"].rpartition(":")[2]) for group in wiring.groups.values()),
        ("ClusterName", wiring.service["clusterArn"].rpartition("/")[2]),
        ("ServiceName", wiring.service["serviceName"]),
        ("TableName", wiring.table["TableName"]),
        # Without a firewall, its line on the dashboard stays empty.
        *(("WebACL", name) for name in [acl["VisibilityConfig"]["MetricName"] for acl in acls] or [wiring.echo.name]),
        ("Region", wafv2.meta.region_name),
        ("Rule", "ALL"),
        *(("LogGroupName", group) for group in groups if group.startswith(f"/echo/{wiring.echo.name}/") or group == f"aws-waf-logs-{wiring.echo.name}"),
        *VCPU,
        *(("CertificateArn", arn) for arn in wiring.certificates),
        *((made["metricNamespace"], made["metricName"]) for it in filters for made in it["metricTransformations"]),
        ("service.name", wiring.environment["OTEL_SERVICE_NAME"]),
        ("deployment.environment.name", attributes["deployment.environment.name"]),
    }


def expect_dashboard(widgets, there, log_group, alarms):
    of_kind = lambda kind: [widget["properties"] for widget in widgets if widget["type"] == kind]
    named = [
        set(zip(dimensions[::2], dimensions[1::2], strict=True)) or {(namespace, name)}
        for properties in of_kind("metric")
        for namespace, name, *dimensions, _ in properties["metrics"]
    ]
    for properties in of_kind("chart"):
        named += [origin for query in properties["data"]["queries"] for origin in origins(query["query"])]
    expect_there("the dashboard", named, there)
    expect("resources without a widget on the dashboard", there - set().union(*named), set())
    expect("the logs on the dashboard", {re.match(r"SOURCE '([^']*)'", it["query"])[1] for it in of_kind("log")}, {log_group})
    expect("the alarms on the dashboard", {arn for properties in of_kind("alarm") for arn in properties["alarms"]}, alarms)


def expect_alarms(alarms, there, topics):
    for alarm in alarms:
        name = alarm["AlarmName"]
        if "EvaluationCriteria" in alarm:
            named = origins(alarm["EvaluationCriteria"]["PromQLCriteria"]["Query"])
        else:
            metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
            metrics += [alarm] if "MetricName" in alarm else []
            named = [
                {(it["Name"], it["Value"]) for it in metric.get("Dimensions", [])} or {(metric["Namespace"], metric["MetricName"])}
                for metric in metrics
            ]
        expect_there(name, named, there)
        for told in (alarm["AlarmActions"], alarm["OKActions"]):
            expect(f"that {name} tells topics that are there, by {told}", told != [] and set(told) <= topics, True)


def origins(query):
    return [set(re.findall(r'"@resource\.([\w.]+)"="([^"]*)"', selector)) for selector in re.findall(r"\{[^}]*\}", query)]


def expect_there(what, named, there):
    expect(f"that {what} names something, each time", named != [] and all(named), True)
    expect(f"unknown names in {what}", set().union(*named) - there - OPERATIONS, set())
