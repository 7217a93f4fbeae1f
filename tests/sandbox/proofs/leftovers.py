"""The remains in the emulated AWS after a destroy, by kind. A destroy has to leave none."""


def present(found):
    return {kind: things for kind, things in found.items() if things}


def named(part, names):
    return [name for name in names if part in name]


def stacks(aws):
    return [stack["StackName"] for stack in aws.cloudformation.describe_stacks()["Stacks"] if stack["StackStatus"] != "DELETE_COMPLETE"]


def keys_in_use(aws):
    """Keys without a scheduled deletion. AWS never deletes a key at once."""
    keys = [aws.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in aws.kms.list_keys()["Keys"]]
    return [key["KeyId"] for key in keys if key["KeyState"] != "PendingDeletion" and key["KeyManager"] == "CUSTOMER"]


def of_environment(aws, name):
    """The remains of the environment NAME, and all resources without an environment's name."""
    return present({
        "networks": [vpc["VpcId"] for vpc in aws.ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "addresses": aws.ec2.describe_addresses()["Addresses"],
        "gateways": [nat["NatGatewayId"] for nat in aws.ec2.describe_nat_gateways()["NatGateways"] if nat["State"] != "deleted"],
        "endpoints": [endpoint["VpcEndpointId"] for endpoint in aws.ec2.describe_vpc_endpoints()["VpcEndpoints"]],
        "load balancers": aws.elbv2.describe_load_balancers()["LoadBalancers"],
        "target groups": aws.elbv2.describe_target_groups()["TargetGroups"],
        "firewalls": [acl["Name"] for acl in aws.wafv2.list_web_acls(Scope="REGIONAL")["WebACLs"]],
        "services": named(name, aws.ecs.list_clusters()["clusterArns"]),
        "task definitions": named(name, aws.ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]),
        "scaling": getattr(aws, "application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"],
        "tables": aws.dynamodb.list_tables()["TableNames"],
        "secrets": [secret["Name"] for secret in aws.secretsmanager.list_secrets()["SecretList"]],
        "buckets": named(name, (bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"])),
        "logs": named(name, (group["logGroupName"] for group in aws.logs.describe_log_groups()["logGroups"])),
        "alarms": [alarm["AlarmName"] for alarm in aws.cloudwatch.describe_alarms()["MetricAlarms"]],
        "dashboards": [dashboard["DashboardName"] for dashboard in aws.cloudwatch.list_dashboards()["DashboardEntries"]],
        "stacks": named(name, stacks(aws)),
        "topics": aws.sns.list_topics()["Topics"],
        "roles": named(name, (role["RoleName"] for role in aws.iam.list_roles(PathPrefix="/")["Roles"] if role["Path"] != "/github/")),
    })


def of_account(aws):
    """The remains of environments/account."""
    return present({
        "buckets": [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]],
        "repositories": [repository["repositoryName"] for repository in aws.ecr.describe_repositories()["repositories"]],
        "caches": aws.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"],
        "keys": keys_in_use(aws),
        "identity providers": aws.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        "roles": [role["RoleName"] for role in aws.iam.list_roles(PathPrefix="/github/")["Roles"] if role["Path"] == "/github/"],
        "policies": [policy["PolicyName"] for policy in aws.iam.list_policies(Scope="Local")["Policies"]],
        "stacks": stacks(aws),
        "log policies": [policy["policyName"] for policy in aws.logs.describe_resource_policies()["resourcePolicies"]],
    })
