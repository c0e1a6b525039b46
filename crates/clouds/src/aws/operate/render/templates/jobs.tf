# What runs by the clock, in the application's image. A state machine starts the task, waits for it
# and stops it when it takes too long; Fargate alone would let it run for ever, and Lambda would end
# it after 15 minutes.
locals {
  jobs = {
{% for job in jobs %}
    "{{ job.key }}" = {
      name      = "{{ job.name }}"
      command   = [{% for part in job.command %}"{{ part }}"{% if not loop.last %}, {% endif %}{% endfor %}]
      timeout_s = {{ job.timeout_s }}
      provider  = "{{ job.provider }}"
      schedules = [{% for one in job.schedules %}"{{ one }}"{% if not loop.last %}, {% endif %}{% endfor %}]
    }
{% endfor %}
  }

  job_schedules = merge([
    for key, job in local.jobs : {
      for number, schedule in job.schedules : "${key}-${number}" => { job = key, schedule = schedule }
    }
  ]...)
}

resource "aws_sfn_state_machine" "job" {
  for_each = local.jobs

  name     = each.value.name
  role_arn = aws_iam_role.jobs.arn

  definition = jsonencode({
    Comment = "Runs the job ${each.key} of ${local.name} to its end."
    StartAt = "Run"
    States = {
      Run = {
        Type           = "Task"
        Resource       = "arn:${local.partition}:states:::ecs:runTask.sync"
        TimeoutSeconds = each.value.timeout_s
        End            = true
        Parameters = {
          Cluster        = aws_ecs_cluster.this.arn
          TaskDefinition = "arn:${local.partition}:ecs:${var.region}:${local.account_id}:task-definition/${aws_ecs_task_definition.this.family}" # its newest revision
          PropagateTags  = "TASK_DEFINITION"
          CapacityProviderStrategy = [
            { CapacityProvider = each.value.provider, Weight = 1 }
          ]
          NetworkConfiguration = {
            AwsvpcConfiguration = {
              Subnets        = [for subnet in aws_subnet.private : subnet.id]
              SecurityGroups = [aws_security_group.service.id]
              AssignPublicIp = "DISABLED"
            }
          }
          Overrides = {
            ContainerOverrides = [{ Name = "app", Command = each.value.command }]
          }
        }
        # No task was started, or a spot one was taken away: the job has not run to its end.
        Retry = [{
          ErrorEquals     = ["ECS.AmazonECSException", "ECS.ServerException", "ECS.ThrottlingException"]
          IntervalSeconds = 30
          MaxAttempts     = 3
          BackoffRate     = 2
          JitterStrategy  = "FULL"
        }]
      }
    }
  })

  logging_configuration {
    level                  = "ALL"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.jobs.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }
}

resource "aws_cloudwatch_log_group" "jobs" {
  name              = "/aws/vendedlogs/states/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_scheduler_schedule" "job" {
  for_each = local.job_schedules

  name                         = "${local.jobs[each.value.job].name}-${reverse(split("-", each.key))[0]}"
  schedule_expression          = each.value.schedule
  schedule_expression_timezone = "UTC"
  kms_key_arn                  = aws_kms_key.this.arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.job[each.value.job].arn
    role_arn = aws_iam_role.scheduler.arn

    retry_policy {
      maximum_event_age_in_seconds = 900 # later than this, the next time is soon enough
      maximum_retry_attempts       = 3
    }
  }
}

resource "aws_iam_role" "jobs" {
  name = "${local.name}-jobs"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "jobs" {
  name = "run-tasks"
  role = aws_iam_role.jobs.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Run"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = ["${aws_ecs_task_definition.this.arn_without_revision}:*", aws_ecs_task_definition.this.arn_without_revision]
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
      },
      {
        Sid       = "Tag" # a task is tagged as it is started, and never later
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "arn:${local.partition}:ecs:${var.region}:${local.account_id}:task/${local.name}/*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } }
      },
      {
        Sid      = "Follow"
        Effect   = "Allow"
        Action   = ["ecs:StopTask", "ecs:DescribeTasks"]
        Resource = "arn:${local.partition}:ecs:${var.region}:${local.account_id}:task/${local.name}/*"
      },
      {
        Sid      = "Events" # how the state machine learns that a task has ended
        Effect   = "Allow"
        Action   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
        Resource = "arn:${local.partition}:events:${var.region}:${local.account_id}:rule/StepFunctionsGetEventsForECSTaskRule"
      },
      {
        Sid       = "Roles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.task.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid       = "Logs" # these actions and those on traces know no resources
        Effect    = "Allow"
        Action    = ["logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
      },
      {
        Sid       = "Traces"
        Effect    = "Allow"
        Action    = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
      },
    ]
  })
}

resource "aws_iam_role" "scheduler" {
  name = "${local.name}-scheduler"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "start-jobs"
  role = aws_iam_role.scheduler.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = [for job in aws_sfn_state_machine.job : job.arn]
      },
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = aws_kms_key.this.arn
      },
    ]
  })
}

# A job that failed or was stopped is told at once.
resource "aws_cloudwatch_metric_alarm" "job" {
  for_each = local.jobs

  alarm_name          = "${each.value.name}-failed"
  alarm_description   = "The job ${each.key} failed, or was stopped after ${each.value.timeout_s} seconds."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]

  metric_query {
    id          = "failed"
    expression  = "SUM(METRICS())"
    label       = "Failed or stopped"
    return_data = true
  }

{% for end in ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] %}
  metric_query {
    id = "m{{ loop.index }}"

    metric {
      namespace   = "AWS/States"
      metric_name = "{{ end }}"
      dimensions  = { StateMachineArn = aws_sfn_state_machine.job[each.key].arn }
      period      = 300
      stat        = "Sum"
    }
  }
{% if not loop.last %}

{% endif %}
{% endfor %}
}
