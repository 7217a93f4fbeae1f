resource "aws_lb" "main" {
  #checkov:skip=CKV_AWS_150:`protect` decides, so that an environment for development can be destroyed in one go
  #checkov:skip=CKV2_AWS_28:waf.enabled decides: it costs more than the rest of a trial
  #checkov:skip=CKV2_AWS_76:The rules are there, and count unless waf.block_content: waf.tf says why
  #checkov:skip=CKV2_AWS_20:With a certificate port 80 redirects; without one there is nothing to redirect to
  name               = var.name
  load_balancer_type = "application"
  internal           = false
  subnets            = values(var.subnet_ids)
  security_groups    = [var.security_group_id]

  enable_deletion_protection = var.protect
  # An operator can take an impaired zone out.
  enable_zonal_shift = true
  idle_timeout       = var.idle_timeout_seconds

  # The service counts hops from the right and believes only those of this load balancer, so the client's address has to be appended.
  xff_header_processing_mode = "append"
  # Names with other characters than letters, digits and hyphens do not pass. A mock is found by verb and path, so it misses nothing.
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  # Where the firewall itself does not answer, requests pass: most of its rules only count, and management has its keys.
  enable_waf_fail_open = true

  access_logs {
    bucket  = aws_s3_bucket.access_logs.id
    enabled = true
  }

  # AWS tries to write when logging is switched on, and fails without the right to.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

locals {
  # The port is a part of the name: another port is another group, which has to be there before the listener lets go of the old one.
  target_groups = {
    management = { name = "${var.name}-mgmt-${var.service_ports.management}", port = var.service_ports.management }
    mocks      = { name = "${var.name}-mocks-${var.service_ports.mocks}", port = var.service_ports.mocks }
  }
}

resource "aws_lb_target_group" "main" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; from there on only security groups of this VPC lead to the service
  for_each = local.target_groups

  name                 = each.value.name
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = each.value.port
  deregistration_delay = var.deregistration_delay_seconds

  # Both ask management: on the mocks' port every path may be a mock, and a mock could say that a task is healthy.
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
