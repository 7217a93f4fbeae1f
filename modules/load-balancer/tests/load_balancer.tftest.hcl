# Planned by the real provider, without AWS.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_resource {
  target          = aws_lb_target_group.main["mocks"]
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mocks/1", arn_suffix = "targetgroup/mocks/1" }
}
override_resource {
  target          = aws_lb_target_group.main["management"]
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/management/1", arn_suffix = "targetgroup/management/1" }
}
override_resource {
  target          = aws_s3_bucket.access_logs
  override_during = plan
  values          = { id = "echo-test-access-logs-1", arn = "arn:aws:s3:::echo-test-access-logs-1" }
}

variables {
  name              = "echo-test"
  vpc_id            = "vpc-1"
  subnet_ids        = { a = "subnet-a", b = "subnet-b" }
  security_group_id = "sg-1"
  mocks_port        = 80
  management_port   = 8081
  waf               = { enabled = false }
}

run "http" {
  command = plan

  assert {
    condition     = aws_lb.main.name == "echo-test" && aws_lb.main.load_balancer_type == "application" && !aws_lb.main.internal && aws_lb.main.subnets == toset(["subnet-a", "subnet-b"]) && aws_lb.main.security_groups == toset(["sg-1"])
    error_message = "The load balancer must be an application load balancer for the internet, in the given subnets and behind the given group."
  }
  assert {
    condition     = aws_lb.main.enable_deletion_protection && aws_s3_bucket.access_logs.force_destroy == false
    error_message = "Load balancer and logs must be protected by default."
  }
  assert {
    condition     = !aws_lb.main.drop_invalid_header_fields && contains(["defensive", "strictest"], aws_lb.main.desync_mitigation_mode)
    error_message = "The load balancer must refuse ambiguous requests (request smuggling)."
  }
  assert {
    condition     = aws_lb.main.xff_header_processing_mode == "append" && aws_lb.main.enable_xff_client_port == false
    error_message = "The load balancer must append the client's address to X-Forwarded-For, without a port."
  }
  assert {
    condition     = aws_lb.main.enable_waf_fail_open
    error_message = "Mocks must be served if the firewall does not respond, because most of its rules only count."
  }
  assert {
    condition     = aws_lb.main.idle_timeout == 70
    error_message = "The load balancer must wait for delayed answers (60 s), and close idle connections before the service does (75 s)."
  }
  assert {
    condition     = [for logs in aws_lb.main.access_logs : [logs.bucket, logs.enabled]] == [["echo-test-access-logs-1", true]]
    error_message = "Access logs must go to the module's own bucket."
  }

  assert {
    condition     = { for face, group in aws_lb_target_group.main : face => "${group.name} ${group.target_type} ${group.protocol} ${group.port}" } == { management = "echo-test-mgmt-8081 ip HTTP 8081", mocks = "echo-test-mocks-8080 ip HTTP 8080" }
    error_message = "Mocks and management must each have a target group of addresses, with its port and name."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.main : [for check in group.health_check : "${check.protocol} ${check.port} ${check.path} ${check.matcher}"] == ["HTTP 8081 /-/ready 200"]])
    error_message = "Both target groups must check readiness on the management port: on the other port a mock could respond."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.main : group.deregistration_delay == "70"])
    error_message = "The load balancer must keep the connections of a removed task until the last answer."
  }

  assert {
    condition     = { for face, listener in aws_lb_listener.main : face => "${listener.protocol} ${listener.port} ${listener.default_action[0].type} ${listener.default_action[0].target_group_arn}" } == { management = "HTTP 8081 forward arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/management/1", mocks = "HTTP 80 forward arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mocks/1" }
    error_message = "Each listener must forward to its own target group and to no other."
  }
  assert {
    condition     = length(aws_lb_listener.redirect) == 0 && alltrue([for listener in aws_lb_listener.main : listener.certificate_arn == null])
    error_message = "Without a certificate no redirect may exist."
  }
  assert {
    condition     = output.target_groups == { management = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/management/1", arn_suffix = "targetgroup/management/1" }, mocks = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mocks/1", arn_suffix = "targetgroup/mocks/1" } }
    error_message = "The outputs name the wrong target groups."
  }

  assert {
    condition     = alltrue([for switch in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : aws_s3_bucket_public_access_block.access_logs[switch]])
    error_message = "The logs must not be public in any way."
  }
  assert {
    condition     = flatten([for rule in aws_s3_bucket_lifecycle_configuration.access_logs.rule : [rule.status, [for expiration in rule.expiration : expiration.days]]]) == ["Enabled", 30]
    error_message = "Access logs must expire after 30 days by default."
  }
  assert {
    condition = [
      for statement in data.aws_iam_policy_document.access_logs.statement :
      concat(tolist(statement.actions), tolist(statement.resources), flatten([for principal in statement.principals : tolist(principal.identifiers)]), flatten([for condition in statement.condition : [condition.variable, condition.values]]))
      if statement.effect != "Deny"
      ] == [[
        "s3:PutObject",
        "arn:aws:s3:::echo-test-access-logs-1/AWSLogs/123456789012/*",
        "logdelivery.elasticloadbalancing.amazonaws.com",
        "aws:SourceArn", "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/*",
    ]]
    error_message = "Only load balancers of this account may write to the bucket, with the condition from AWS's example; the policy may grant no other right."
  }
  assert {
    condition     = [for statement in data.aws_iam_policy_document.access_logs.statement : [for condition in statement.condition : "${condition.variable} ${join(",", condition.values)}"] if statement.effect == "Deny"] == [["aws:SecureTransport false"]]
    error_message = "The bucket must refuse connections without TLS."
  }

  assert {
    condition     = length(aws_wafv2_web_acl.main) + length(aws_wafv2_web_acl_association.main) + length(aws_cloudwatch_log_group.waf) + length(aws_wafv2_web_acl_logging_configuration.main) == 0
    error_message = "Without the firewall none of its resources may exist."
  }
}

run "https_and_firewall" {
  command = plan

  variables {
    name                      = "echo-with-20-letters"
    certificate               = { arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
    domain_name               = "echo.example.com"
    mocks_port                = 443
    management_port           = 8443
    protect                   = false
    access_log_retention_days = 7
    service_ports             = { mocks = 18080, management = 18081 }
    health_check_path         = "/healthy"
    waf                       = { enabled = true, requests_per_5_minutes = 1000 }
  }

  override_resource {
    target          = aws_lb.main
    override_during = plan
    values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/lb/1", dns_name = "lb.example.net" }
  }
  override_resource {
    target          = aws_wafv2_web_acl.main[0]
    override_during = plan
    values          = { arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/acl/1" }
  }
  override_resource {
    target          = aws_cloudwatch_log_group.waf[0]
    override_during = plan
    values          = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:aws-waf-logs-1" }
  }

  assert {
    condition     = { for face, listener in aws_lb_listener.main : face => "${listener.protocol} ${listener.port} ${listener.ssl_policy} ${listener.certificate_arn}" } == { management = "HTTPS 8443 ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 arn:aws:acm:eu-central-1:123456789012:certificate/1", mocks = "HTTPS 443 ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 arn:aws:acm:eu-central-1:123456789012:certificate/1" }
    error_message = "With a certificate both listeners must speak TLS by the post-quantum policy that AWS recommends."
  }
  assert {
    condition     = [for listener in aws_lb_listener.redirect : "${listener.protocol} ${listener.port} ${listener.default_action[0].type} ${listener.default_action[0].redirect[0].protocol} ${listener.default_action[0].redirect[0].port} ${listener.default_action[0].redirect[0].status_code}"] == ["HTTP 80 redirect HTTPS 443 HTTP_301"]
    error_message = "HTTP must redirect to HTTPS permanently."
  }
  assert {
    condition     = [output.mocks_url, output.management_url] == ["https://echo.example.com", "https://echo.example.com:8443"]
    error_message = "The URLs must have the name of the certificate, and a port other than the default."
  }
  assert {
    condition     = !aws_lb.main.enable_deletion_protection && aws_s3_bucket.access_logs.force_destroy
    error_message = "Without protection one destroy must delete everything, even the logs."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.main : length(group.name) <= 32])
    error_message = "AWS refuses names of target groups with more than 32 characters."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.main : [for check in group.health_check : "${check.port} ${check.path}"] == ["18081 /healthy"]])
    error_message = "The health check must follow the management port and its path."
  }

  assert {
    condition     = flatten([for rule in aws_wafv2_web_acl.main[0].rule : [for statement in rule.statement : [for rate in statement.rate_based_statement : "${rule.priority} ${rate.aggregate_key_type} ${rate.limit} in ${rate.evaluation_window_sec} s, blocks: ${length(rule.action[0].block) == 1}"]]]) == ["1 IP 1000 in 300 s, blocks: true"]
    error_message = "The firewall must refuse requests of one address above the limit."
  }
  assert {
    condition = {
      for rule in aws_wafv2_web_acl.main[0].rule : rule.name => length(rule.override_action[0].none) == 1 ? "blocks" : "counts" if length(rule.override_action) == 1
      } == {
      AWSManagedRulesAmazonIpReputationList = "blocks"
      AWSManagedRulesCommonRuleSet          = "counts"
      AWSManagedRulesKnownBadInputsRuleSet  = "counts"
    }
    error_message = "The firewall must refuse known attackers, and only count requests that look like attacks, because mocks contain such content on purpose."
  }
  assert {
    condition     = length(aws_wafv2_web_acl.main[0].default_action[0].allow) == 1
    error_message = "The firewall must allow all other requests."
  }
  assert {
    condition     = [for link in aws_wafv2_web_acl_association.main : "${link.web_acl_arn} ${link.resource_arn}"] == ["arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/acl/1 arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/lb/1"]
    error_message = "The firewall must be in front of the load balancer."
  }
  assert {
    condition     = startswith(one(aws_cloudwatch_log_group.waf).name, "aws-waf-logs-") && one(aws_cloudwatch_log_group.waf).retention_in_days == 30 && one(aws_wafv2_web_acl_logging_configuration.main).log_destination_configs == toset(["arn:aws:logs:eu-central-1:123456789012:log-group:aws-waf-logs-1"])
    error_message = "The firewall must log to its own group, with the prefix that WAF requires."
  }
  assert {
    condition = flatten([
      for filters in one(aws_wafv2_web_acl_logging_configuration.main).logging_filter : [filters.default_behavior, [
        for filter in filters.filter : [filter.behavior, [for condition in filter.condition : [for it in condition.action_condition : it.action]]]
      ]]
    ]) == ["DROP", "KEEP", "BLOCK"]
    error_message = "Only refused requests may be logged: ordinary calls of mocks are counted, and each line costs money."
  }
  assert {
    condition     = flatten([for field in one(aws_wafv2_web_acl_logging_configuration.main).redacted_fields : [for header in field.single_header : header.name]]) == ["authorization"]
    error_message = "The keys of management must not be in the firewall's log."
  }
  assert {
    condition     = alltrue([for config in concat(flatten([for rule in aws_wafv2_web_acl.main[0].rule : rule.visibility_config]), aws_wafv2_web_acl.main[0].visibility_config) : !config.sampled_requests_enabled])
    error_message = "Samples must be off, because they show the keys of management."
  }
}

run "own_name_and_blocked_content" {
  command = plan

  variables {
    waf = { enabled = true, block_content = true, log_counted = true }
  }

  override_resource {
    target          = aws_lb.main
    override_during = plan
    values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/lb/1", dns_name = "lb.example.net" }
  }

  assert {
    condition     = [output.mocks_url, output.management_url] == ["http://lb.example.net", "http://lb.example.net:8081"]
    error_message = "Without a domain the URLs must have the load balancer's own name, and a port other than the default."
  }
  assert {
    condition = toset(flatten([
      for filters in one(aws_wafv2_web_acl_logging_configuration.main).logging_filter : [for filter in filters.filter : [for condition in filter.condition : [for it in condition.action_condition : it.action]]]
    ])) == toset(["BLOCK", "COUNT"])
    error_message = "With log_counted counted requests must be logged as well."
  }
  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.main[0].rule : length(rule.override_action[0].none) == 1 && length(rule.override_action[0].count) == 0 if rule.name != "rate"]) && length(aws_wafv2_web_acl.main[0].rule) == 4
    error_message = "With block_content the firewall must refuse requests that look like attacks."
  }
}

run "internal_with_ipv6" {
  command = plan

  variables {
    internal = true
    ipv6     = true
  }

  assert {
    condition     = aws_lb.main.internal && aws_lb.main.ip_address_type == "dualstack"
    error_message = "The load balancer must have private addresses of both kinds."
  }
}

run "example_http" {
  command = plan

  override_data {
    target = module.load_balancer.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }

  module {
    source = "./examples/http"
  }
}

run "example_https_with_waf" {
  command = plan

  override_data {
    target = module.load_balancer.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }

  # The provider still validates this resource; only its plan is replaced, which takes seconds.
  override_resource {
    target = module.load_balancer.aws_wafv2_web_acl.main[0]
  }

  module {
    source = "./examples/https-with-waf"
  }

  assert {
    condition     = output.management_url == "https://echo.example.com:8443"
    error_message = "The example's URL must be known before the apply."
  }
}
