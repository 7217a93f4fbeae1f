"""The resources of recorded calls: their ARNs, tags and members, from the calls so far."""

import json
import re

# Kinds of resources in ARNs, by the prefix of an id that EC2 gives.
EC2 = {
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
# Parameters with another identifier than an ARN: the last part of the parameter's name, and the end of the ARN.
NAMES = {
    "budgets": {"BudgetName": "budget/{}"},
    "cloudformation": {"StackName": "stack/{}/unknown"},
    "cloudwatch": {"AlarmName": "alarm:{}", "AlarmNames": "alarm:{}", "DashboardName": "dashboard/{}", "DashboardNames": "dashboard/{}"},
    "dynamodb": {"TableName": "table/{}"},
    "ecr": {"repositoryName": "repository/{}", "repositoryNames": "repository/{}"},
    "ecs": {"cluster": "cluster/{}", "clusterName": "cluster/{}", "clusters": "cluster/{}"},
    "iam": {"RoleName": "role/{}"},
    "kms": {"KeyId": "key/{}"},
    "logs": {"logGroupName": "log-group:{}"},
    "secretsmanager": {"SecretId": "secret:{}-unknown"},
}
# Services with ARNs without a region.
EVERYWHERE = ("budgets", "iam")
TAGGING = re.compile(r":(CreateTags|AddTags|Tag(Resource|Role|Policy|OpenIDConnectProvider))$")
UNTAGGING = re.compile(r":(DeleteTags|RemoveTags|Untag(Resource|Role|Policy|OpenIDConnectProvider))$")


# The account's part of the policy of AWS managed keys.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
OF_AWS = {"Effect": "Allow", "Action": ["kms:Describe*", "kms:Get*", "kms:List*"], "Resource": "*"}


class World:
    def __init__(self, account, region):
        self.account, self.region = account, region
        self.tags = {}
        self.boundaries = {}
        # VPCs, by the ARNs of resources in them.
        self.vpcs = {}
        # ARNs by the identifiers of later calls: a role's name, an association's id, the scaled resource of a target.
        self.known = {}
        # The policies of keys, by their ARNs.
        self.policies = {}
        for service in ("dynamodb", "s3", "secretsmanager", "sns"):
            self.known["kms", f"alias/aws/{service}"] = [self.arn("kms", f"key/aws-{service}")]
            statement = OF_AWS | {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
            self.policies[self.arn("kms", f"key/aws-{service}")] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def arn(self, service, rest):
        region = "" if service in EVERYWHERE or rest.startswith("dashboard/") else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{rest}"

    def of_id(self, identifier):
        kind = EC2.get(identifier.partition("-")[0])
        return [self.arn("ec2", f"{kind}/{identifier}")] if kind else self.known.get(identifier, [])

    def given(self, call):
        """The ARNs of a call's resources."""
        service, given = call["action"].partition(":")[0], call["given"]
        found = []
        for name, value in given.items():
            if value.startswith("arn:"):
                found.append(value.removesuffix(":*"))
                if ":service-deployment/" in value:
                    found.append(value.replace(":service-deployment/", ":service/").rpartition("/")[0])
            elif service == "ec2" and re.fullmatch(r"[a-z]+-[0-9a-f]+", value):
                found += self.of_id(value)
            elif rest := NAMES.get(service, {}).get(re.sub(r"(\.member)?\.\d+$", "", name)):
                found += self.known.get((service, value)) or [self.arn(service, rest.format(value))]
            elif service == "wafv2" and name.endswith("ManagedRuleGroupStatement.Name"):
                found.append(self.arn(service, f"regional/managedruleset/{value}/AWS"))
        if service == "ecs" and {"cluster", "service"} <= given.keys() and not given["service"].startswith("arn:"):
            found.append(self.arn(service, f"service/{given['cluster'].rpartition('/')[2]}/{given['service']}"))
        if service == "wafv2" and {"Name", "Id"} <= given.keys():
            found.append(self.arn(service, f"regional/webacl/{given['Name']}/{given['Id']}"))
        if service == "wafv2" and "ResourceArn" in given:
            found += self.known.get((service, given["ResourceArn"]), [])
        if service == "s3" and "Bucket" in given:
            found.append(f"arn:aws:s3:::{given['Bucket']}" + (f"/{given['Key']}" if "Key" in given else ""))
        if service == "application-autoscaling" and "ResourceId" in given:
            found += [*self.known.get((service, given["ResourceId"]), []), self.arn("ecs", given["ResourceId"])]
        return list(dict.fromkeys(found))

    def made(self, call):
        found = [arn for made in call["made"] for arn in ([made.removesuffix(":*")] if made.startswith("arn:") else self.of_id(made))]
        # An answer of EC2 also names other resources. The new ones have the kinds of the call's tags.
        kinds = [value for name, value in call["given"].items() if re.fullmatch(r"TagSpecification\.\d+\.ResourceType", name)]
        return [arn for arn in dict.fromkeys(found) if not kinds or any(f":{kind}/" in arn for kind in kinds)]

    def vpc_of(self, arn, call):
        """The VPC of a resource. A new resource is in the VPC that the call names."""
        return self.vpcs.get(arn) or next((self.vpcs.get(there, there) for there in self.given(call) if there in self.vpcs or ":vpc/" in there), None)

    def learn(self, call):
        """Takes over the change of a successful call."""
        service, given = call["action"].partition(":")[0], call["given"]
        if call["status"] >= 400:
            return
        there, made = self.given(call), self.made(call)
        if TAGGING.search(call["action"]):
            for arn in there:
                self.tags.setdefault(arn, {}).update(tags_of(call))
        elif UNTAGGING.search(call["action"]):
            keys = {value for name, value in given.items() if re.match(r"(?i)(tagkeys(\.member)?|tag)\.\d+(\.key)?$", name)}
            for arn in there:
                self.tags[arn] = {key: value for key, value in self.tags.get(arn, {}).items() if key not in keys}
        for arn in made:
            self.tags.setdefault(arn, {}).update(tags_of(call, arn))
            if vpc := self.vpc_of(arn, call):
                self.vpcs[arn] = vpc
        for name in ("RoleName", "StackName", "Name"):
            if name in given and made:
                self.known.setdefault((service, given[name]), made[:1])
        if call["action"] == "application-autoscaling:RegisterScalableTarget" and made:
            self.known[service, given["ResourceId"]] = made[:1]
        if call["action"] == "wafv2:AssociateWebACL":
            self.known[service, given["ResourceArn"]] = [given["WebACLArn"]]
        # An association of EC2 belongs to both of its resources.
        self.known |= {made: there for made in call["made"] if re.match(r"[a-z]+assoc-", made)}
        if service == "kms" and "Policy" in given:
            self.policies |= dict.fromkeys(made or there, given["Policy"])
        if service == "iam" and "PermissionsBoundary" in given:
            self.boundaries[given["RoleName"]] = given["PermissionsBoundary"]


def tags_of(call, arn=""):
    """The tags of a call; for EC2, the tags of the resource's kind."""
    found = {}
    for name, value in call["given"].items():
        if match := re.match(r"(?:TagSpecification\.(\d+)\.Tag|Tag|Tags(?:\.member)?|tags)\.(\d+)\.(?:[Kk]ey|TagKey)$", name):
            kind = call["given"].get(f"TagSpecification.{match[1]}.ResourceType")
            if not kind or f":{kind}/" in arn:
                found[value] = call["given"].get(re.sub(r"[Kk]ey$", lambda key: "value" if key[0] == "key" else "Value", name), "")
        elif match := re.match(r"[Tt]ags\.(?!\d+\.|member\.)(.+)$", name):
            found[match[1]] = value
    return found
