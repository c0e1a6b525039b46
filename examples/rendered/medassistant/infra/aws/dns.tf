# Users find the application here once the registrar names these servers (README.md).
resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38:A signature counts when the registrar has written down its key, which nobody here can do.
  #checkov:skip=CKV2_AWS_39:Questions for a public name are no secret.
  name = "med.example.com"
}

locals {
  zone_id = aws_route53_zone.this.zone_id
}

resource "aws_acm_certificate" "this" {
  domain_name       = "med.example.com"
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "certificate" {
  for_each = toset(["med.example.com"])

  zone_id         = local.zone_id
  name            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.certificate : record.fqdn]
}

resource "aws_route53_record" "application" {
  for_each = toset(["A"])

  zone_id = local.zone_id
  name    = "med.example.com"
  type    = each.key

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
