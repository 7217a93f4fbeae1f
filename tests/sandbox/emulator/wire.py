"""A call of AWS's API as a client sends it, in one shape for all of AWS's protocols: `ec2:CreateSubnet`, with its parameters as dictionaries and lists."""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, unquote

# Names of services in IAM where a signature has another name.
PREFIXES = {"monitoring": "cloudwatch"}
# Names of actions in IAM, where an operation has another name.
# https://docs.aws.amazon.com/cost-management/latest/userguide/billing-permissions-ref.html
ACTIONS = {
    **{f"budgets:{verb}{what}": "budgets:ModifyBudget" for verb in ("Create", "Update", "Delete") for what in ("Budget", "Notification")},
    **{f"budgets:Describe{what}": "budgets:ViewBudget" for what in ("Budget", "NotificationsForBudget", "SubscribersForNotification")},
}
# S3's actions, by the part of a bucket's configuration that a request's query names.
OF_BUCKETS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
# The actions of requests that name no part of the configuration: for a bucket, an object, and tags.
S3 = {
    "bucket": {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "GET": "ListBucket", "HEAD": "ListBucket"},
    "object": {"PUT": "PutObject", "DELETE": "DeleteObject", "GET": "GetObject", "HEAD": "GetObject"},
    "tags": {"PUT": "TagResource", "POST": "TagResource", "DELETE": "UntagResource", "GET": "ListTagsForResource"},
}
# Operations that begin with these words change nothing.
READING = re.compile(r"(?:BatchGet|Describe|Filter|Get|Head|List|Query|Scan|Search|Simulate|Test|Validate|View)(?=[A-Z])|AssumeRole|Scan$|Query$")
# Parts of a query without influence on the action.
PLAIN = {"continuation-token", "delimiter", "encoding-type", "key-marker", "list-type", "max-keys", "prefix", "version-id-marker", "versionId", "x-id"}


@dataclass
class Request:
    action: str
    given: dict
    # json, cbor, ec2, query or s3.
    protocol: str
    # The purpose of the client's run by scripts/sandbox, as `apply/dev`; empty for other clients.
    what_for: str

    @property
    def reads(self):
        return reads(self.action)


def reads(action):
    """Whether an action such as `ec2:DescribeSubnets` changes nothing."""
    return READING.match(action.partition(":")[2]) is not None


def request_of(headers, method, path, query, body):
    """The call in a request. None for a request without a signature."""
    signed = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    if not signed:
        return None
    service, target = signed[1], headers.get("x-amz-target", "")
    if service == "s3":
        protocol, action, given = "s3", *_of_s3(method, path, query, body)
    elif target:
        protocol, action, given = "json", target.rpartition(".")[2], json.loads(body or b"{}")
    elif "/operation/" in path:
        import cbor2  # Tests of other protocols run without the emulator's packages.

        protocol, action, given = "cbor", path.rpartition("/")[2], cbor2.loads(body) if body else {}
    else:
        given = _nested(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        protocol, action = "ec2" if service == "ec2" else "query", given.pop("Action", f"{method} {path}")
        given.pop("Version", None)
    client = re.search(r"app/sandbox\+(\w+)\+(\w+)", headers.get("user-agent", ""))
    named = f"{PREFIXES.get(service, service)}:{action}"
    return Request(ACTIONS.get(named, named), given, protocol, "/".join(client.groups()) if client else "")


def _nested(pairs):
    """`SubnetId.1=a` and `Subnets.member.1=a` are lists, `Placement.Zone=a` is a dictionary."""
    tree = {}
    for name, value in pairs:
        *parents, last = [part for part in name.split(".") if part != "member"]
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value

    def listed(node):
        if not isinstance(node, dict):
            return node
        values = {name: listed(value) for name, value in node.items()}
        return [values[name] for name in sorted(values, key=int)] if values and all(name.isdigit() for name in values) else values

    return listed(tree)


def _of_s3(method, path, query, body):
    parts = parse_qs(query, keep_blank_values=True)
    tags = [{"Key": key, "Value": value} for key, value in re.findall(r"<Key>(.*?)</Key>\s*<Value>(.*?)</Value>", body.decode(errors="replace"))]
    given = {"Tags": tags} if tags else {}
    if tagged := re.match(r"/v20180820/tags/(.+)", unquote(path)):
        return S3["tags"][method], given | {"resourceArn": tagged[1]}
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    given |= {"Bucket": bucket} | ({"Key": key} if key else {})
    if part := next((part for part in OF_BUCKETS if part in parts), None):
        verb = {"GET": "Get", "PUT": "Put", "DELETE": "Delete" if part in ("policy", "website") else "Put"}[method]
        return verb + OF_BUCKETS[part], given
    if "versions" in parts:
        return "ListBucketVersions", given
    if "delete" in parts:
        return "DeleteObjectVersion" if b"<VersionId>" in body else "DeleteObject", given | {"Key": "all"}
    if unknown := parts.keys() - PLAIN:
        return f"{method} ?{min(unknown)}", given
    action = S3["object" if key else "bucket"].get(method, f"{method} {path}")
    return f"{action}Version" if key and "versionId" in parts and method != "PUT" else action, given
