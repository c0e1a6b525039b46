# What the zone answers is signed, so that nobody can send users elsewhere with forged answers. The
# signature counts once the registrar has the output ds_record (README.md); before, it harms nobody.
resource "aws_kms_key" "zone" {
  # Route 53 takes keys of this one region.
  region = "us-east-1"

  description              = "Signs the zone of app.example.com"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256" # the one kind that Route 53 takes; AWS rotates none of it
  deletion_window_in_days  = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administrators" # or nobody could ever change the key again
        Effect    = "Allow"
        Action    = "kms:*"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Resource  = "*"
      },
      {
        Sid       = "Sign"
        Effect    = "Allow"
        Action    = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"]
        Principal = { Service = "dnssec-route53.amazonaws.com" }
        Resource  = "*"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnEquals    = { "aws:SourceArn" = aws_route53_zone.this.arn }
        }
      },
      {
        Sid       = "Grants"
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Principal = { Service = "dnssec-route53.amazonaws.com" }
        Resource  = "*"
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
    ]
  })
}

resource "aws_kms_alias" "zone" {
  region = "us-east-1"

  name          = "alias/${local.name}-zone"
  target_key_id = aws_kms_key.zone.key_id
}

resource "aws_route53_key_signing_key" "this" {
  hosted_zone_id             = aws_route53_zone.this.zone_id
  name                       = replace(local.name, "-", "_") # no hyphens here
  key_management_service_arn = aws_kms_key.zone.arn
}

resource "aws_route53_hosted_zone_dnssec" "this" {
  hosted_zone_id = aws_route53_key_signing_key.this.hosted_zone_id
}

# A zone that cannot be signed any more is believed by nobody who checks: somebody is told. Route 53
# looks every four hours, and measures in this one region.
resource "aws_cloudwatch_metric_alarm" "zone" {
  for_each = {
    DNSSECInternalFailure             = "The zone cannot be signed."
    DNSSECKeySigningKeysNeedingAction = "The key of the zone cannot be used: was it switched off, or its policy changed?"
  }

  region = "us-east-1"

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/Route53"
  metric_name = each.key
  dimensions  = { HostedZoneId = aws_route53_zone.this.zone_id }
  period      = 14400
  statistic   = "Maximum"
}
