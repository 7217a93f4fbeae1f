# A name in a hosted zone: its certificate, which ACM renews as long as the validation record exists, and the records
# that lead to the load balancer.

data "aws_route53_zone" "main" {
  zone_id = var.zone_id

  lifecycle {
    postcondition {
      condition     = self.private_zone != true
      error_message = "ACM validates a name only by a public hosted zone, and ${var.zone_id} is private. Write the id of the public zone of ${var.name}, or give a certificate by `certificate_arn`."
    }

    postcondition {
      condition     = var.name == trimsuffix(self.name, ".") || endswith(var.name, ".${trimsuffix(self.name, ".")}")
      error_message = "The hosted zone ${var.zone_id} is the zone of ${trimsuffix(self.name, ".")}, and cannot hold ${var.name}. Write a name in this zone, or the id of another zone."
    }
  }
}

resource "aws_acm_certificate" "main" {
  domain_name       = var.name
  validation_method = "DNS"

  tags = { Name = var.name }

  # A listener keeps its certificate until it has another one.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  zone_id = data.aws_route53_zone.main.zone_id
  name    = one(aws_acm_certificate.main.domain_validation_options).resource_record_name
  type    = one(aws_acm_certificate.main.domain_validation_options).resource_record_type
  records = [one(aws_acm_certificate.main.domain_validation_options).resource_record_value]
  ttl     = 300
  # ACM asks for the same record for each certificate of a name in an account.
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "main" {
  certificate_arn         = aws_acm_certificate.main.arn
  validation_record_fqdns = [aws_route53_record.validation.fqdn]

  # ACM validates within minutes, unless the parent zone does not delegate to this zone.
  timeouts {
    create = "15m"
  }
}

resource "aws_route53_record" "main" {
  for_each = var.ipv6 ? toset(["A", "AAAA"]) : toset(["A"])

  zone_id = data.aws_route53_zone.main.zone_id
  name    = var.name
  type    = each.key

  alias {
    name    = var.load_balancer.dns_name
    zone_id = var.load_balancer.zone_id
    # One target: without healthy tasks there is no better answer.
    evaluate_target_health = false
  }
}
