# Users find the application here once the registrar names these servers (README.md).
resource "aws_route53_zone" "this" {
  name = "med.example.com"
}

locals {
  zone_id = aws_route53_zone.this.zone_id
}

# Which names are asked for, and how they are answered. Route 53 writes to logs of this region, and by
# custom under this prefix.
resource "aws_cloudwatch_log_group" "zone" {
  region = "us-east-1"

  name              = "/aws/route53/med.example.com"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_cloudwatch_log_resource_policy" "zone" {
  region = "us-east-1"

  policy_name = "${local.name}-zone"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Principal = { Service = "route53.amazonaws.com" }
      Resource  = "${aws_cloudwatch_log_group.zone.arn}:*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnEquals    = { "aws:SourceArn" = aws_route53_zone.this.arn }
      }
    }]
  })
}

resource "aws_route53_query_log" "this" {
  zone_id                  = aws_route53_zone.this.zone_id
  cloudwatch_log_group_arn = aws_cloudwatch_log_group.zone.arn

  depends_on = [aws_cloudwatch_log_resource_policy.zone]
}

# Nobody else issues certificates for it.
resource "aws_route53_record" "caa" {
  zone_id = local.zone_id
  name    = "med.example.com"
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\""]
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
