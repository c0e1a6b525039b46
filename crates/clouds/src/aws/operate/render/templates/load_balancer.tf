resource "aws_lb" "this" {
{% if not cdn and not firewall %}
  #checkov:skip=CKV2_AWS_28:firewall is not asked for in the specification.
{% endif %}
  name               = "${local.name}-lb"
  load_balancer_type = "application"
{% if cdn %}
  internal           = true # only the content delivery network reaches it (cdn.tf)
{% else %}
  internal           = false
{% endif %}
  security_groups    = [aws_security_group.load_balancer.id]
  subnets            = [for subnet in aws_subnet.{% if cdn %}private{% else %}public{% endif %} : subnet.id]

  # {% if cdn %}Everything that users are sent comes through it{% else %}Its address is in users' hands{% endif %}.
  enable_deletion_protection = true

  # Requests that two servers may read differently are how one request is smuggled in another.
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"

  # An answer may stay silent for this long before it is cut off{% if chat %}: the language model may take
  # {{ chat.timeout_s }} seconds{% endif %}.
  idle_timeout = {{ service.idle_timeout_s }}

  access_logs {
    bucket  = aws_s3_bucket.logs.id
    prefix  = "load-balancer"
    enabled = true
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_lb_target_group" "this" {
  name        = "${local.name}-app"
  vpc_id      = aws_vpc.this.id
  target_type = "ip" # tasks on Fargate have addresses, not instances
  protocol    = "HTTP"
  port        = {{ service.port }}

  # A task that is being replaced gets no new requests, and has this long to end those in flight.
  deregistration_delay = {{ service.drain_s }}

  # `ready`, not `health`: users are only sent to a task that can serve. ECS replaces a task that
  # stays unready for {{ service.health.unhealthy }} checks in a row, which also is what becomes of one that hangs.
  health_check {
    path                = "{{ service.health.ready }}"
    matcher             = "200"
    interval            = {{ service.health.interval_s }}
    timeout             = {{ service.health.timeout_s }}
    healthy_threshold   = 2
    unhealthy_threshold = {{ service.health.unhealthy }}
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06" # TLS 1.2 and 1.3 alone
{% if domain %}
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn
{% else %}
  certificate_arn   = var.certificate_arn
{% endif %}

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}
{% if not cdn %}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}
{% endif %}
