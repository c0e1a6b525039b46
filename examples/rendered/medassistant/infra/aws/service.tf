resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "service" {
  name              = "/ecs/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

# task-definition.json is what `aws ecs register-task-definition` takes, but for the few values that
# only this account knows.
locals {
  task = jsondecode(templatefile("${path.module}/task-definition.json", {
    image               = local.image
    execution_role_arn  = aws_iam_role.execution.arn
    task_role_arn       = aws_iam_role.task.arn
    log_group           = aws_cloudwatch_log_group.service.name
    region              = var.region
    database_host       = aws_db_instance.this.address
    database_secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn
    bucket_documents    = aws_s3_bucket.this["documents"].bucket
    secret_api_key      = aws_secretsmanager_secret.this["api-key"].arn
    sessions_table      = aws_dynamodb_table.sessions.name
  }))
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.task.family
  requires_compatibilities = local.task.requiresCompatibilities
  network_mode             = local.task.networkMode
  cpu                      = local.task.cpu
  memory                   = local.task.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(local.task.containerDefinitions)

  # Deployments add revisions of their own: this follows the newest instead of going back.
  track_latest = true

  runtime_platform {
    operating_system_family = local.task.runtimePlatform.operatingSystemFamily
    cpu_architecture        = local.task.runtimePlatform.cpuArchitecture
  }

  dynamic "volume" {
    for_each = local.task.volumes

    content {
      name = volume.value.name
    }
  }
}

resource "aws_ecs_service" "this" {
  name            = local.name
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = 2

  platform_version        = "LATEST"
  propagate_tags          = "SERVICE"
  enable_ecs_managed_tags = true
  enable_execute_command  = false # nobody opens a shell in what serves users

  # New tasks are well before old ones go.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  # How long a new task may take before its answers count.
  health_check_grace_period_seconds = 60

  # Tasks move back to a zone that returns.
  availability_zone_rebalancing = "ENABLED"

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 0
    weight            = 1
  }

  # A new version that does not start goes back to the one before by itself.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # And so does one that starts and then answers with errors.
  alarms {
    enable      = true
    rollback    = true
    alarm_names = [aws_cloudwatch_metric_alarm.errors.alarm_name, aws_cloudwatch_metric_alarm.unhealthy.alarm_name]
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.service.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "app"
    container_port   = 8000
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling's
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this, aws_lb_listener.https, aws_iam_role_policy.execution, aws_iam_role_policy.task]
}
