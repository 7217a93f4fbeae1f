# Rights on resources of other owners that an environment uses: a VPC, a hosted zone, a KMS key.

locals {
  shared = { for name, environment in var.environments : name => environment.shared if environment.shared.domain != null || environment.shared.kms_key_arn != null || environment.shared.vpc_arn != null }
  zones  = [for shared in values(local.shared) : "arn:${local.partition}:route53:::hostedzone/${shared.domain.zone_id}" if shared.domain != null]
}

data "aws_iam_policy_document" "shared" {
  for_each = local.shared

  #checkov:skip=CKV_AWS_111:Conditions limit each right to the VPC, the names, or the key of the environment
  #checkov:skip=CKV_AWS_356:A change of Route 53 has an id only after the call

  # Groups and endpoints have the environment's tag. The VPC and its subnets do not.
  dynamic "statement" {
    for_each = each.value.vpc_arn[*]

    content {
      sid       = "MakeInVpc"
      actions   = ["ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = each.value.vpc_arn[*]

    content {
      sid       = "MakeInSubnets"
      actions   = ["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"]
      resources = ["${local.arn.ec2}:subnet/*"]

      condition {
        test     = "ArnEquals"
        variable = "ec2:Vpc"
        values   = [statement.value]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.domain[*]

    content {
      sid       = "MakeCertificate"
      actions   = ["acm:AddTagsToCertificate", "acm:RequestCertificate"]
      resources = ["${local.arn.acm}:certificate/*"]

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/Environment"
        values   = [each.key]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.domain[*]

    content {
      sid       = "ChangeCertificate"
      actions   = ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"]
      resources = ["${local.arn.acm}:certificate/*"]

      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/Environment"
        values   = [each.key]
      }
    }
  }

  # The record of the name, and ACM's record below the name. The zone has records of others.
  dynamic "statement" {
    for_each = each.value.domain[*]

    content {
      sid       = "Records"
      actions   = ["route53:ChangeResourceRecordSets"]
      resources = ["arn:${local.partition}:route53:::hostedzone/${statement.value.zone_id}"]

      condition {
        test     = "ForAllValues:StringLike"
        variable = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
        values   = [statement.value.name, "_*.${statement.value.name}"]
      }
    }
  }

  # DynamoDB, Secrets Manager and CloudWatch Logs use the key with the rights of their caller.
  dynamic "statement" {
    for_each = each.value.kms_key_arn[*]

    content {
      sid       = "UseKey"
      actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["dynamodb", "logs", "secretsmanager"] : "${service}.${local.region}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.kms_key_arn[*]

    content {
      sid     = "EncryptLogs"
      actions = ["logs:AssociateKmsKey", "logs:DisassociateKmsKey"]
      resources = [
        "${local.arn.logs}:log-group:/echo/${var.name}-${each.key}/*",
        "${local.arn.logs}:log-group:aws-waf-logs-${var.name}-${each.key}*",
      ]
    }
  }
}
