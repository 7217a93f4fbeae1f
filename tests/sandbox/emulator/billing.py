"""Answers the calls for budgets and cost allocation tags, which MiniStack lacks. Like unimplemented.py, for infra/account."""

import datetime

# The end of a budget without an end, by AWS's API reference ("TimePeriod").
NEVER = 3_706_473_600

# By name: the budget, its tags, and its notifications with their subscribers.
budgets, cost_tags = {}, {}


class Missing(Exception):
    """Not found. The text is AWS's."""


def found(given):
    name = given.get("BudgetName") or given.get("ResourceARN", "").rpartition("/")[2]
    if name not in budgets:
        raise Missing(f"Unable to get budget: {name} - the budget doesn't exist.")
    return budgets[name]


def create(given):
    month = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    time = {"Start": int(month.timestamp()), "End": NEVER} | given["Budget"].get("TimePeriod", {})
    budget = {"CalculatedSpend": {"ActualSpend": {"Amount": "0.0", "Unit": "USD"}}} | given["Budget"] | {"TimePeriod": time}
    tags = given.get("ResourceTags", [])
    budgets[budget["BudgetName"]] = {"budget": budget, "tags": {tag["Key"]: tag["Value"] for tag in tags}, "notifications": []}
    return {}


def update(given):
    held = found({"BudgetName": given["NewBudget"]["BudgetName"]})
    held["budget"] |= given["NewBudget"]
    return {}


def create_notification(given):
    found(given)["notifications"].append({"Notification": given["Notification"] | {"NotificationState": "OK"}, "Subscribers": given["Subscribers"]})
    return {}


def is_same(one, other):
    return all(one.get(key) == other.get(key) for key in ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType"))


def delete_notification(given):
    held = found(given)
    held["notifications"] = [it for it in held["notifications"] if not is_same(it["Notification"], given["Notification"])]
    return {}


def subscribers(given):
    return {"Subscribers": [one for it in found(given)["notifications"] if is_same(it["Notification"], given["Notification"]) for one in it["Subscribers"]]}


def tag(given):
    found(given)["tags"].update({it["Key"]: it["Value"] for it in given["ResourceTags"]})
    return {}


def untag(given):
    for key in given["ResourceTagKeys"]:
        found(given)["tags"].pop(key, None)
    return {}


def activate(given):
    cost_tags.update({it["TagKey"]: it["Status"] for it in given["CostAllocationTagsStatus"]})
    return {"Errors": []}


def list_cost_tags(given):
    keys = given.get("TagKeys") or list(cost_tags)
    return {"CostAllocationTags": [{"TagKey": key, "Type": "UserDefined", "Status": cost_tags.get(key, "Inactive")} for key in keys]}


BUDGETS = {
    "CreateBudget": create,
    "DescribeBudget": lambda given: {"Budget": found(given)["budget"]},
    "UpdateBudget": update,
    "DeleteBudget": lambda given: found(given) and budgets.pop(given["BudgetName"]) and {},
    "CreateNotification": create_notification,
    "DeleteNotification": delete_notification,
    "DescribeNotificationsForBudget": lambda given: {"Notifications": [it["Notification"] for it in found(given)["notifications"]]},
    "DescribeSubscribersForNotification": subscribers,
    "ListTagsForResource": lambda given: {"ResourceTags": [{"Key": key, "Value": value} for key, value in found(given)["tags"].items()]},
    "TagResource": tag,
    "UntagResource": untag,
}
CALLS = {
    **{f"AWSBudgetServiceGateway.{name}": call for name, call in BUDGETS.items()},
    "AWSInsightsIndexService.UpdateCostAllocationTagsStatus": activate,
    "AWSInsightsIndexService.ListCostAllocationTags": list_cost_tags,
}
