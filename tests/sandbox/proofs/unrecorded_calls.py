"""Rights of the pipeline's roles for calls that the sandbox cannot show: Terraform's states are files here, and no image is pushed or scanned.

Each question has a role, an action and a resource, as roles.case expects.
"""

import re

from policies import ROOT, roots

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html. The index of two platforms needs existing
# images.
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]
# Calls of scripts/deliver/scan, and calls of ECR to Inspector in its caller's name.
SCAN, BEHIND_SCAN = ["ecr:DescribeImages", "ecr:DescribeImageScanFindings"], ["inspector2:ListCoverage", "inspector2:ListFindings"]


def questions(aws, envs):
    """Two lists: AWS has to allow the first questions, and to deny the second."""
    images = {it["repositoryName"]: it["repositoryArn"] for it in aws.ecr.describe_repositories()["repositories"]}["echo-service"]
    collector = images.replace("echo-service", "ecr-public/aws-observability/aws-otel-collector")
    (bucket,) = (f"arn:aws:s3:::{it['Name']}" for it in aws.s3.list_buckets()["Buckets"] if "-state-" in it["Name"])
    states = {root: f"{bucket}/{key_of(root)}" for root in roots()}

    allowed = [("echo-push", "ecr:GetAuthorizationToken", "*"), *(("echo-push", action, images) for action in PUSH + SCAN)]
    allowed += [(role, action, "*") for role in ("echo-push", "echo-plan") for action in BEHIND_SCAN]
    # scripts/deliver/scan --running also reads the index of the collector's image.
    allowed += [("echo-plan", action, repository) for repository in (images, collector) for action in SCAN]
    allowed += [("echo-plan", "ecr:BatchGetImage", collector), ("echo-plan", "s3:ListBucket", bucket)]
    allowed += [("echo-plan", "s3:GetObject", state) for state in states.values()]
    denied = [("echo-push", "ecr:PutImage", collector), ("echo-plan", "s3:PutObject", states["account"])]
    for env in envs:
        role, state = f"echo-apply-{env}", states[env]
        # https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required
        allowed += [(role, "s3:ListBucket", bucket), (role, "s3:GetObject", state), (role, "s3:PutObject", state)]
        allowed += [(role, f"s3:{operation}Object", f"{state}.tflock") for operation in ("Get", "Put", "Delete")]
        # scripts/deliver/deploy --newer compares the commits of images.
        allowed += [(role, "ecr:DescribeImages", images)]
        denied += [(role, f"s3:{operation}Object", other) for other in states.values() if other != state for operation in ("Get", "Put")]
    return allowed, denied


def key_of(root):
    """The key of a root's state in its bucket."""
    return re.search(r'^ +key += "(.+)"$', (ROOT / f"environments/{root}/main.tf").read_text(), re.MULTILINE)[1]
