locals {
  listener_ports = { management = var.management_port, mocks = var.mocks_port }
  protocol       = var.certificate == null ? "HTTP" : "HTTPS"
  default_port   = var.certificate == null ? 80 : 443

  host = coalesce(var.domain_name, aws_lb.main.dns_name)
  urls = {
    for face, port in local.listener_ports :
    face => "${lower(local.protocol)}://${local.host}${port == local.default_port ? "" : ":${port}"}"
  }
}

# Replaces both listeners when the protocol changes: the provider keeps the TLS policy of an HTTPS listener, and AWS
# refuses a policy for HTTP.
resource "terraform_data" "protocol" {
  input = local.protocol
}

# Answers pass unchanged: the load balancer neither adds nor removes a header, not even `Server`, which a mock may
# define.
resource "aws_lb_listener" "main" {
  #checkov:skip=CKV_AWS_2:HTTP only without a certificate
  #checkov:skip=CKV_AWS_103:With a certificate the policy is TLS 1.2 or 1.3
  for_each = local.listener_ports

  load_balancer_arn = aws_lb.main.arn
  port              = each.value
  protocol          = local.protocol
  certificate_arn   = one(var.certificate[*].arn)
  # AWS's recommendation: TLS 1.3 and 1.2 with forward secrecy and post-quantum key exchange.
  ssl_policy = var.certificate == null ? null : "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.main[each.key].arn
  }

  lifecycle {
    replace_triggered_by = [terraform_data.protocol]
  }
}

resource "aws_lb_listener" "redirect" {
  count = var.certificate == null ? 0 : 1

  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = tostring(var.mocks_port)
      status_code = "HTTP_301"
    }
  }

  # With a new certificate, the mocks must leave port 80 first.
  depends_on = [aws_lb_listener.main]
}
