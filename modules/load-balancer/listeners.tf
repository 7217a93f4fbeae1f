locals {
  listener_ports = { management = var.management_port, mocks = var.mocks_port }
  protocol       = var.certificate_arn == null ? "HTTP" : "HTTPS"
  default_port   = var.certificate_arn == null ? 80 : 443

  host = coalesce(var.domain_name, aws_lb.main.dns_name)
  urls = {
    for face, port in local.listener_ports :
    face => "${lower(local.protocol)}://${local.host}${port == local.default_port ? "" : ":${port}"}"
  }
}

# A listener that speaks HTTPS keeps its TLS policy for the provider, and AWS refuses one for HTTP: with another protocol it is made anew.
resource "terraform_data" "protocol" {
  input = local.protocol
}

# Answers pass as the service gives them: no header is added or taken away here, not even `Server`, which a mock may define.
resource "aws_lb_listener" "main" {
  #checkov:skip=CKV_AWS_2:HTTP only where no certificate is given
  #checkov:skip=CKV_AWS_103:With a certificate the policy is TLS 1.2 or 1.3
  for_each = local.listener_ports

  load_balancer_arn = aws_lb.main.arn
  port              = each.value
  protocol          = local.protocol
  certificate_arn   = var.certificate_arn
  # What AWS recommends: TLS 1.3 and 1.2 with forward secrecy, key exchange that also withstands quantum computers.
  ssl_policy = var.certificate_arn == null ? null : "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.main[each.key].arn
  }

  lifecycle {
    replace_triggered_by = [terraform_data.protocol]
  }
}

resource "aws_lb_listener" "redirect" {
  count = var.certificate_arn == null ? 0 : 1

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

  # Where the certificate is new, the mocks have to leave port 80 first.
  depends_on = [aws_lb_listener.main]
}
