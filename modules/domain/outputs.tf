output "certificate_arn" {
  description = "ARN of the certificate, available once ACM has issued it. A load balancer refuses a pending certificate."
  value       = aws_acm_certificate_validation.main.certificate_arn
}

output "name_servers" {
  description = "Name servers of the hosted zone. The parent zone must have NS records with these names."
  value       = data.aws_route53_zone.main.name_servers
}
