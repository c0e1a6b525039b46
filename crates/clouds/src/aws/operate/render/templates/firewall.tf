# What is known to be an attack is turned away before the application sees it.
resource "aws_wafv2_web_acl" "this" {
{% if cdn %}
  # Those of CloudFront live in this region.
  region = "us-east-1"

{% endif %}
  name  = local.name
  scope = "{% if cdn %}CLOUDFRONT{% else %}REGIONAL{% endif %}"

  default_action {
    allow {}
  }

  # One address that asks more than {{ firewall.requests }} times in five minutes waits.
  rule {
    name     = "rate"
    priority = 0

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit              = {{ firewall.requests }}
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate"
      sampled_requests_enabled   = true
    }
  }
{% for group in firewall.groups %}

  # {{ group.why }}
  rule {
    name     = "{{ group.short }}"
    priority = {{ loop.index }}

    override_action {
{% if group.only_counts %}
      count {}
{% else %}
      none {}
{% endif %}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "{{ group.name }}"
{% if group.counts_bodies %}

        # Documents are larger than this rule allows; it counts them and lets them pass.
        rule_action_override {
          name = "SizeRestrictions_BODY"

          action_to_use {
            count {}
          }
        }
{% endif %}
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "{{ group.short }}"
      sampled_requests_enabled   = true
    }
  }
{% endfor %}

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.name
    sampled_requests_enabled   = true
  }
}
{% if not cdn %}

resource "aws_wafv2_web_acl_association" "this" {
  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this.arn
}
{% endif %}

resource "aws_cloudwatch_log_group" "firewall" {
{% if cdn %}
  region = "us-east-1"

{% endif %}
  name              = "aws-waf-logs-${local.name}" # WAF writes to names that begin so
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.{% if cdn and global_key %}global{% else %}this{% endif %}.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
{% if cdn %}
  region = "us-east-1"

{% endif %}
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  # What lets people in is not for logs.
  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "cookie"
    }
  }
}
