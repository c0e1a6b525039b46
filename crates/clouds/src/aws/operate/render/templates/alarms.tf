# Who is told.
resource "aws_sns_topic" "alerts" {
  name              = "${local.name}-alerts"
  kms_master_key_id = aws_kms_key.this.arn
}

# Each address is asked once, by AWS, whether it wants these messages.
resource "aws_sns_topic_subscription" "alerts" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Publish"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
      Resource  = aws_sns_topic.alerts.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}
{% if topics %}

# Alarms that name somebody tell them alone.
locals {
  told = {
{% for topic in topics %}
    "{{ topic.key }}" = { protocol = "{{ topic.protocol }}", endpoint = "{{ topic.endpoint }}" }
{% endfor %}
  }
}

resource "aws_sns_topic" "told" {
  for_each = local.told

  name              = "${local.name}-${each.key}"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_subscription" "told" {
  for_each = local.told

  topic_arn = aws_sns_topic.told[each.key].arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
}
{% endif %}
{% if service %}

# These four are there without being asked for. The first two also take back a deployment.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${local.name}-5xx"
  alarm_description   = "More than 5 % of answers were errors of the application."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  metric_query {
    id          = "rate"
    expression  = "100 * errors / requests"
    label       = "Errors, per cent"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = 60
      stat        = "Sum"
    }
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = 60
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name          = "${local.name}-unhealthy"
  alarm_description   = "A task is not ready."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/ApplicationELB"
  metric_name = "UnHealthyHostCount"
  dimensions  = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }
  period      = 60
  statistic   = "Maximum"
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "${local.name}-p95"
  alarm_description   = "One answer in twenty takes more than {{ service.slow_s }} seconds."
  comparison_operator = "GreaterThanThreshold"
  threshold           = {{ service.slow_s }}
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace          = "AWS/ApplicationELB"
  metric_name        = "TargetResponseTime"
  dimensions         = { LoadBalancer = aws_lb.this.arn_suffix }
  period             = 300
  extended_statistic = "p95"
}

resource "aws_cloudwatch_metric_alarm" "cpu" {
  alarm_name          = "${local.name}-cpu"
  alarm_description   = "The tasks work to capacity: more of them did not help."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/ECS"
  metric_name = "CPUUtilization"
  dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
  period      = 300
  statistic   = "Average"
}
{% endif %}
{% if database %}
{% for one in database.alarms %}

resource "aws_cloudwatch_metric_alarm" "{{ one.ident }}" {
  alarm_name          = "${local.name}-{{ one.suffix }}"
  alarm_description   = "{{ one.why }}"
  comparison_operator = "{{ one.comparison }}"
  threshold           = {{ one.threshold }}
  evaluation_periods  = 3
  treat_missing_data  = "{{ one.missing }}"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/RDS"
  metric_name = "{{ one.metric }}"
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  period      = 300
  statistic   = "{{ one.statistic }}"
}
{% endfor %}
{% endif %}
{% for one in alarms %}

# `alarms.{{ one.key }}` of the specification.
resource "aws_cloudwatch_metric_alarm" "{{ one.ident }}" {
  alarm_name          = "{{ one.name }}"
  alarm_description   = "{{ one.metric_name }}, as the specification asks."
  comparison_operator = "{{ one.comparison }}"
  threshold           = {{ one.threshold }}
  evaluation_periods  = {{ one.periods }}
  treat_missing_data  = "{{ one.missing }}"
{% if one.topic %}
  alarm_actions       = [aws_sns_topic.told["{{ one.topic }}"].arn]
  ok_actions          = [aws_sns_topic.told["{{ one.topic }}"].arn]
{% else %}
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
{% endif %}
{% if one.formula %}

  metric_query {
    id          = "value"
    expression  = "{{ one.formula }}"
    label       = "{{ one.metric_name }}"
    return_data = true
  }
{% endif %}
{% for metric in one.metrics %}
{% if one.formula %}

  metric_query {
    id = "{{ metric.id }}"

    metric {
      namespace   = "{{ metric.namespace }}"
      metric_name = "{{ metric.name }}"
      period      = {{ one.period_s }}
      stat        = "{{ metric.statistic }}"
{% if metric.of == "load_balancer" %}
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
{% elif metric.of == "service" %}
      dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
{% elif metric.of == "database" %}
      dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
{% elif metric.of == "rule" %}
      dimensions  = { RuleName = aws_cloudwatch_event_rule.restarts.name }
{% endif %}
    }
  }
{% else %}

  namespace   = "{{ metric.namespace }}"
  metric_name = "{{ metric.name }}"
  period      = {{ one.period_s }}
  statistic   = "{{ metric.statistic }}"
{% if metric.of == "load_balancer" %}
  dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
{% elif metric.of == "service" %}
  dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
{% elif metric.of == "database" %}
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
{% elif metric.of == "rule" %}
  dimensions  = { RuleName = aws_cloudwatch_event_rule.restarts.name }
{% endif %}
{% endif %}
{% endfor %}
}
{% endfor %}
{% if counts_restarts %}

# A task that ended by itself, rather than being replaced. ECS has no metric of this: the rule's own
# count is one.
resource "aws_cloudwatch_event_rule" "restarts" {
  name = "${local.name}-restarts"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail = {
      clusterArn = [aws_ecs_cluster.this.arn]
      group      = ["service:${aws_ecs_service.this.name}"]
      lastStatus = ["STOPPED"]
      stopCode   = ["EssentialContainerExited"]
    }
  })
}

resource "aws_cloudwatch_event_target" "restarts" {
  rule = aws_cloudwatch_event_rule.restarts.name
  arn  = aws_cloudwatch_log_group.restarts.arn
}

resource "aws_cloudwatch_log_group" "restarts" {
  name              = "/aws/events/${local.name}-restarts"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

# Events writes to this one log.
resource "aws_cloudwatch_log_resource_policy" "restarts" {
  policy_name = "${local.name}-restarts"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Principal = { Service = ["events.amazonaws.com", "delivery.logs.amazonaws.com"] }
      Resource  = "${aws_cloudwatch_log_group.restarts.arn}:*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}
{% endif %}
