{% if domain.zone == "own" %}
# Users find the application here once the registrar names these servers (README.md).
resource "aws_route53_zone" "this" {
  name = "{{ domain.name }}"
}

locals {
  zone_id = aws_route53_zone.this.zone_id
}

# Which names are asked for, and how they are answered. Route 53 writes to logs of this region, and by
# custom under this prefix.
resource "aws_cloudwatch_log_group" "zone" {
  region = "us-east-1"

  name              = "/aws/route53/{{ domain.name }}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.{% if global_key %}global{% else %}this{% endif %}.arn
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
{% endif %}
{% if domain.zone == "existing" %}
# The zone is made by {{ domain.zone_of }}.
data "aws_route53_zone" "this" {
  name = "{{ domain.name }}"
}

locals {
  zone_id = data.aws_route53_zone.this.zone_id
}
{% endif %}

{% if domain.zone == "own" and domain.certified_here %}
# Nobody else issues certificates for it.
resource "aws_route53_record" "caa" {
  zone_id = local.zone_id
  name    = "{{ domain.name }}"
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\""]
}

{% endif %}
resource "aws_acm_certificate" "this" {
  domain_name               = "{{ domain.name }}"
{% if cdn %}
  subject_alternative_names = ["origin.{{ domain.name }}"]
{% endif %}
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}
{% if domain.zone == "elsewhere" %}

# The name is answered by {{ domain.zone_of }}: the records of the output certificate_records are written there.
resource "aws_acm_certificate_validation" "this" {
  certificate_arn = aws_acm_certificate.this.arn
}
{% else %}

resource "aws_route53_record" "certificate" {
  for_each = toset([{% for name in domain.certificate_names %}"{{ name }}"{% if not loop.last %}, {% endif %}{% endfor %}])

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
{% endif %}
{% if domain.zone == "own" %}
{% if cdn %}

# The load balancer under a name of its certificate, by which the content delivery network knows it.
# It leads to private addresses.
resource "aws_route53_record" "origin" {
  zone_id = local.zone_id
  name    = "origin.{{ domain.name }}"
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
{% endif %}

resource "aws_route53_record" "application" {
  for_each = toset(["A"{% if cdn %}, "AAAA"{% endif %}])

  zone_id = local.zone_id
  name    = "{{ domain.name }}"
  type    = each.key
{% if domain.failover %}

  set_identifier  = "{{ environment }}"
  health_check_id = aws_route53_health_check.this.id

  failover_routing_policy {
    type = "PRIMARY"
  }
{% endif %}

  alias {
{% if cdn %}
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
{% else %}
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
{% endif %}
  }
}
{% if domain.failover %}

# Asked from several regions: {{ domain.failover.failures }} checks in a row without an answer count as lost.
resource "aws_route53_health_check" "this" {
  fqdn              = {% if cdn %}aws_cloudfront_distribution.this.domain_name{% else %}aws_lb.this.dns_name{% endif %}

  type              = "HTTPS"
  port              = 443
  enable_sni        = true
  resource_path     = "{{ service.health.ready }}"
  request_interval  = 10
  failure_threshold = {{ domain.failover.failures }}
  measure_latency   = true
}

# Where users are sent then. Nothing is promoted by this: see `recovery` in the specification.
resource "aws_route53_record" "standby" {
{% if not domain.failover.same_cloud %}
  #checkov:skip=CKV2_AWS_23:It is on another cloud, so its addresses belong to nothing of AWS.
{% endif %}
{% if domain.failover.same_cloud %}
  count = var.peer_load_balancer == null ? 0 : 1
{% else %}
  count = length(var.peer_ipv4_addresses) == 0 ? 0 : 1
{% endif %}

  zone_id        = local.zone_id
  name           = "{{ domain.name }}"
  type           = "A"
  set_identifier = "{{ domain.failover.other }}"

  failover_routing_policy {
    type = "SECONDARY"
  }
{% if domain.failover.same_cloud %}

  alias {
    name                   = var.peer_load_balancer.dns_name
    zone_id                = var.peer_load_balancer.zone_id
    evaluate_target_health = true
  }
{% else %}

  ttl     = 60
  records = var.peer_ipv4_addresses
{% endif %}
}
{% endif %}
{% endif %}
