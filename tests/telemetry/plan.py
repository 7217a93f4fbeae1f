"""Terraform's plan from tests/telemetry/plan: the collector's configuration, the dashboard, the alarms."""

import json
import re
from functools import cached_property


class Plan:
    def __init__(self, path):
        self.resources = json.loads(path.read_text())

    def of_type(self, kind):
        """Resources of a type, by address."""
        return {address: it for address, it in self.resources.items() if f".{kind}." in f".{address}"}

    def one(self, kind):
        (found,) = self.of_type(kind).values()
        return found

    def environment(self, name):
        """Environment variables of a container in the task."""
        containers = json.loads(self.one("aws_ecs_task_definition")["container_definitions"])
        (container,) = (it for it in containers if it["name"] == name)
        return {variable["name"]: variable["value"] for variable in container["environment"]}

    @cached_property
    def widgets(self):
        return json.loads(self.one("aws_cloudwatch_dashboard")["dashboard_body"])["widgets"]

    @cached_property
    def alarms(self):
        """Alarms on metrics, by name without the environment."""
        alarms = self.of_type("aws_cloudwatch_metric_alarm").values()
        return {alarm["alarm_name"].removeprefix("echo-test-"): alarm for alarm in alarms}

    @cached_property
    def promql_alarms(self):
        """Alarms on PromQL, created by CloudFormation, by name without the environment."""
        resources = json.loads(self.one("aws_cloudformation_stack")["template_body"])["Resources"]
        alarms = [resource["Properties"] for resource in resources.values()]
        return {alarm["AlarmName"].removeprefix("echo-test-"): alarm for alarm in alarms}

    @cached_property
    def queries(self):
        """Every PromQL expression of dashboard and alarms, by its place."""
        queries = {
            f"{widget['properties']['title']}: {query['id']}": query["query"]
            for widget in self.widgets
            if widget["type"] == "chart"
            for query in widget["properties"]["data"]["queries"]
        }
        return queries | {slug: alarm["EvaluationCriteria"]["PromQLCriteria"]["Query"] for slug, alarm in self.promql_alarms.items()}

    @cached_property
    def metrics(self):
        """Every metric in a widget or an alarm: place, namespace, name and dimensions."""
        found = set()
        for widget in self.widgets:
            for namespace, name, *dimensions in widget["properties"].get("metrics", []) if widget["type"] == "metric" else []:
                found.add((widget["properties"]["title"], namespace, name, frozenset(dimensions[:-1:2])))
        for slug, alarm in self.alarms.items():
            for metric in metrics_of(alarm).values():
                found.add((slug, metric["namespace"], metric["metric_name"], frozenset(metric["dimensions"] or {})))
        return found

    @cached_property
    def scaling(self):
        """The predefined metrics of the scaling policies."""
        policies = self.of_type("aws_appautoscaling_policy").values()
        trackings = [policy["target_tracking_scaling_policy_configuration"][0] for policy in policies]
        return {it["predefined_metric_specification"][0]["predefined_metric_type"] for it in trackings}

    @cached_property
    def log_fields(self):
        """Every field of the log in a query or a filter."""
        queries = [widget["properties"]["query"] for widget in self.widgets if widget["type"] == "log"]
        words = re.findall(r"@?[a-z]\w*(?:\.\w+)*", re.sub(r"'[^']*'", "", " ".join(queries)))
        syntax = {"fields", "filter", "sort", "limit", "desc", "in", "as", "concat", "substr", "trace"}
        filters = [it["pattern"] for it in self.of_type("aws_cloudwatch_log_metric_filter").values()]
        return set(words) - syntax | set(re.findall(r"\$\.([\w.]+)", " ".join(filters)))


def metrics_of(alarm):
    """The metrics of an alarm, by their ids in its expression."""
    if alarm["metric_name"]:
        return {"result": alarm}
    return {query["id"]: query["metric"][0] for query in alarm["metric_query"] if query["metric"]}
