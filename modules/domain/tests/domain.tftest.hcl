# Planned by the real provider, without AWS: the hosted zone and ACM's record are given.

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
  target = data.aws_route53_zone.main
  values = { name = "example.com", zone_id = "Z0123456789ABCDEFGHIJ", name_servers = ["ns-1.example.net"] }
}

override_resource {
  target          = aws_acm_certificate.main
  override_during = plan
  values = {
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    domain_validation_options = [{
      domain_name           = "echo.example.com"
      resource_record_name  = "_1.echo.example.com."
      resource_record_type  = "CNAME"
      resource_record_value = "_2.acm-validations.aws."
    }]
  }
}

variables {
  name          = "echo.example.com"
  zone_id       = "Z0123456789ABCDEFGHIJ"
  load_balancer = { dns_name = "lb.example.net", zone_id = "Z215JYRZR1TBD5" }
}

run "certificate_and_record" {
  command = plan

  assert {
    condition     = aws_acm_certificate.main.domain_name == "echo.example.com" && aws_acm_certificate.main.validation_method == "DNS"
    error_message = "ACM must renew the certificate by its DNS record, without a person."
  }
  assert {
    condition     = "${aws_route53_record.validation.name} ${aws_route53_record.validation.type} ${one(aws_route53_record.validation.records)}" == "_1.echo.example.com CNAME _2.acm-validations.aws." && aws_route53_record.validation.zone_id == "Z0123456789ABCDEFGHIJ"
    error_message = "The zone must have the record that ACM asks for."
  }
  assert {
    condition     = { for type, record in aws_route53_record.main : type => "${record.name} ${record.alias[0].name} ${record.alias[0].zone_id}" } == { A = "echo.example.com lb.example.net Z215JYRZR1TBD5" }
    error_message = "The name must lead to the load balancer."
  }
}

run "ipv6" {
  command = plan

  variables {
    ipv6 = true
  }

  assert {
    condition     = keys(aws_route53_record.main) == ["A", "AAAA"]
    error_message = "A load balancer with IPv6 needs both records."
  }
}

run "the_zone_of_the_name_itself" {
  command = plan

  variables {
    name = "example.com"
  }

  assert {
    condition     = aws_acm_certificate.main.domain_name == "example.com"
    error_message = "A name may be the name of its zone."
  }
}

run "refuses_a_name_of_another_zone" {
  command = plan

  variables {
    name = "echo.notexample.com"
  }

  expect_failures = [data.aws_route53_zone.main]
}

run "example_zone" {
  command = plan

  override_data {
    target = module.domain.data.aws_route53_zone.main
    values = { name = "example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  }

  override_resource {
    target          = module.domain.aws_acm_certificate.main
    override_during = plan
    values = {
      domain_validation_options = [{
        domain_name           = "echo.example.com"
        resource_record_name  = "_1.echo.example.com."
        resource_record_type  = "CNAME"
        resource_record_value = "_2.acm-validations.aws."
      }]
    }
  }

  module {
    source = "./examples/zone"
  }
}
