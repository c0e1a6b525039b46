resource "aws_lb" "this" {
  name               = "${local.name}-lb"
  load_balancer_type = "application"
  internal           = true # only the content delivery network reaches it (cdn.tf)
  security_groups    = [aws_security_group.load_balancer.id]
  subnets            = [for subnet in aws_subnet.private : subnet.id]

  # Everything that users are sent comes through it.
  enable_deletion_protection = true

  # Requests that two servers may read differently are how one request is smuggled in another.
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"

  # An answer may stay silent for this long before it is cut off: the language model may take
  # 90 seconds.
  idle_timeout = 95

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
  port        = 8080

  # A task that is being replaced gets no new requests, and has this long to end those in flight.
  deregistration_delay = 45

  # `ready`, not `health`: users are only sent to a task that can serve. ECS replaces a task that
  # stays unready for 3 checks in a row, which also is what becomes of one that hangs.
  health_check {
    path                = "/ready"
    matcher             = "200"
    interval            = 15
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06" # TLS 1.2 and 1.3 alone
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}
