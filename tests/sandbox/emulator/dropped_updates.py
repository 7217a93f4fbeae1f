"""Keeps updates that MiniStack drops, and answers updates that it lacks. Without them each plan repeats the updates.

dropped_arguments.py does the same for creates.
"""

import dropped_arguments
from ministack.services import ec2, ecs, iam, waf


def apply():
    _change_rules()
    _change_endpoints()
    _change_services()
    _change_firewalls()
    for kind in ("Add", "Remove"):
        iam._IAM_HANDLERS[f"{kind}ClientID{'To' if kind == 'Add' else 'From'}OpenIDConnectProvider"] = _change_clients(kind)


def _change_rules():
    """The request has another name for a rule's security group than MiniStack expects."""
    modify = ec2._ACTION_MAP["ModifySecurityGroupRules"]

    def modifying(parameters):
        renamed = {name.replace(".ReferencedGroupId", ".ReferencedGroupInfo.GroupId"): value for name, value in parameters.items()}
        return modify(renamed)

    ec2._ACTION_MAP["ModifySecurityGroupRules"] = modifying


def _change_endpoints():
    """Keeps the new policy of an endpoint: dropped_arguments.py returns the first one."""
    modify = ec2._ACTION_MAP["ModifyVpcEndpoint"]

    def modifying(parameters):
        if "PolicyDocument" in parameters:
            dropped_arguments.add_anew("vpcEndpointId", ec2._p(parameters, "VpcEndpointId"), {"PolicyDocument": parameters["PolicyDocument"]})
        return modify(parameters)

    ec2._ACTION_MAP["ModifyVpcEndpoint"] = modifying


def _change_services():
    """Keeps the tags that a service gives its tasks."""
    update = ecs._ACTION_MAP["UpdateService"]

    def updating(data):
        answer = update(data)
        service = ecs._services.get(f"{data['cluster'].rpartition('/')[2]}/{data['service'].rpartition('/')[2]}")
        if service:
            service.update({name: data[name] for name in ("enableECSManagedTags", "propagateTags") if name in data})
        return answer

    ecs._ACTION_MAP["UpdateService"] = updating


def _change_firewalls():
    """Keeps the description of a web ACL."""
    update = waf._update_web_acl

    def updating(data):
        answer = update(data)
        if answer[0] == 200:
            waf._resource_from_scope(waf._web_acls, data["Id"], data["Scope"])["Description"] = data.get("Description", "")
        return answer

    waf._update_web_acl = updating


def _change_clients(kind):
    """Keeps the audiences of an identity provider."""

    def changing(parameters):
        provider = iam._oidc_providers[iam._p(parameters, "OpenIDConnectProviderArn")]
        client = iam._p(parameters, "ClientID")
        provider["ClientIDList"] = [it for it in provider["ClientIDList"] if it != client] + ([client] if kind == "Add" else [])
        return iam._xml(200, f"{kind}ClientIDOpenIDConnectProviderResponse", "")

    return changing
