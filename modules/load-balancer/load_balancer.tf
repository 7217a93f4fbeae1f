resource "aws_lb" "main" {
  #checkov:skip=CKV_AWS_131:Mocks test headers with any name, and the service refuses names that HTTP does not allow
  #checkov:skip=CKV_AWS_150:`protect` decides, so that one destroy removes a development environment
  #checkov:skip=CKV2_AWS_28:waf.enabled decides: the firewall costs more than the rest of a trial
  #checkov:skip=CKV2_AWS_76:The rules exist, and only count without waf.block_content: reasons in waf.tf
  #checkov:skip=CKV2_AWS_20:With a certificate port 80 redirects; without a certificate no HTTPS listener exists
  name               = var.name
  load_balancer_type = "application"
  internal           = var.internal
  ip_address_type    = var.ipv6 ? "dualstack" : "ipv4"
  subnets            = values(var.subnet_ids)
  security_groups    = [var.security_group_id]

  enable_deletion_protection = var.protect
  # An operator can shift traffic away from an impaired zone.
  enable_zonal_shift = true
  idle_timeout       = var.idle_timeout_seconds

  # The service counts hops from the right and trusts only this load balancer's hop, so the load balancer must append
  # the client's address.
  xff_header_processing_mode = "append"
  # Pass on header names with underscores: mocks test headers. The service refuses characters that HTTP does not allow.
  drop_invalid_header_fields = false
  desync_mitigation_mode     = "defensive"
  # Requests pass if the firewall itself does not answer: most rules only count, and management requires keys.
  enable_waf_fail_open = true

  access_logs {
    bucket  = aws_s3_bucket.access_logs.id
    enabled = true
  }

  # AWS writes a test file when access logs are enabled, and fails without the right to write.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

locals {
  # The name contains the port: a new port means a new group, which must exist before the listener releases the old
  # group.
  target_groups = {
    management = { name = "${var.name}-mgmt-${var.service_ports.management}", port = var.service_ports.management }
    mocks      = { name = "${var.name}-mocks-${var.service_ports.mocks}", port = var.service_ports.mocks }
  }
}

resource "aws_lb_target_group" "main" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; only security groups of this VPC lead from there to the service
  for_each = local.target_groups

  name                 = each.value.name
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = each.value.port
  deregistration_delay = var.deregistration_delay_seconds

  # Both check the management port: on the mocks' port every path may be a mock, and a mock could report a task as
  # healthy.
  health_check {
    protocol            = "HTTP"
    port                = tostring(var.service_ports.management)
    path                = var.health_check_path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  lifecycle {
    create_before_destroy = true
  }
}
