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

# Alarms that name somebody tell them alone.
locals {
  told = {
    "ops-example-com-af3c82" = { protocol = "email", endpoint = "ops@example.com" }
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
  alarm_description   = "One answer in twenty takes more than 5 seconds."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
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

resource "aws_cloudwatch_metric_alarm" "database_cpu" {
  alarm_name          = "${local.name}-database-cpu"
  alarm_description   = "The database works to capacity."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/RDS"
  metric_name = "CPUUtilization"
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  period      = 300
  statistic   = "Average"
}

resource "aws_cloudwatch_metric_alarm" "database_storage" {
  alarm_name          = "${local.name}-database-storage"
  alarm_description   = "Less than a tenth of the database's disk is free."
  comparison_operator = "LessThanThreshold"
  threshold           = 10000000000
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/RDS"
  metric_name = "FreeStorageSpace"
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  period      = 300
  statistic   = "Minimum"
}

resource "aws_cloudwatch_metric_alarm" "database_connections" {
  alarm_name          = "${local.name}-database-connections"
  alarm_description   = "Four fifths of the connections that the database allows are taken."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 89
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/RDS"
  metric_name = "DatabaseConnections"
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  period      = 300
  statistic   = "Average"
}

resource "aws_cloudwatch_metric_alarm" "database_lag" {
  alarm_name          = "${local.name}-database-lag"
  alarm_description   = "What follows the database has fallen behind by half of what is kept for it."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10000000000
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/RDS"
  metric_name = "OldestReplicationSlotLag"
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  period      = 300
  statistic   = "Average"
}

# `alarms.errors` of the specification.
resource "aws_cloudwatch_metric_alarm" "alarm_errors" {
  alarm_name          = "medassistant-aws-alarm-errors"
  alarm_description   = "error_rate, as the specification asks."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.told["ops-example-com-af3c82"].arn]
  ok_actions          = [aws_sns_topic.told["ops-example-com-af3c82"].arn]

  metric_query {
    id          = "value"
    expression  = "100 * errors / requests"
    label       = "error_rate"
    return_data = true
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      period      = 300
      stat        = "Sum"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
    }
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      period      = 300
      stat        = "Sum"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
    }
  }
}

# `alarms.slow` of the specification.
resource "aws_cloudwatch_metric_alarm" "alarm_slow" {
  alarm_name          = "medassistant-aws-alarm-slow"
  alarm_description   = "response_time, as the specification asks."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 2
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.told["ops-example-com-af3c82"].arn]
  ok_actions          = [aws_sns_topic.told["ops-example-com-af3c82"].arn]

  namespace   = "AWS/ApplicationELB"
  metric_name = "TargetResponseTime"
  period      = 300
  statistic   = "Average"
  dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
}
