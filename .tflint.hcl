# Rules of scripts/test tflint. scripts/tools builds both rule sets, so tflint downloads nothing. The rule on standard
# file names is off, because modules are split into files by topic.

config {
  call_module_type = "local"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

rule "terraform_standard_module_structure" {
  enabled = false
}

plugin "aws" {
  enabled = true
}

# Rules for AWS that are off by default. The rules for tags on each resource stay off: tags come from the provider's
# default_tags.

rule "aws_provider_missing_default_tags" {
  enabled = true
  tags    = ["Environment", "ManagedBy", "Project"]
}

rule "aws_security_group_inline_rules" {
  enabled = true
}

rule "aws_security_group_rule_deprecated" {
  enabled = true
}

rule "aws_ephemeral_resources" {
  enabled = true
}

rule "aws_write_only_arguments" {
  enabled = true
}

rule "aws_iam_role_deprecated_policy_attributes" {
  enabled = true
}

rule "aws_iam_policy_attachment_exclusive_attachment" {
  enabled = true
}

# Code must not contain the partition `aws`: China and GovCloud have others.

rule "aws_iam_policy_document_gov_friendly_arns" {
  enabled = true
}

rule "aws_iam_policy_gov_friendly_arns" {
  enabled = true
}

rule "aws_iam_role_policy_gov_friendly_arns" {
  enabled = true
}
