output "url" {
  description = "Where users find the application."
  value       = "https://med.example.com"
}

output "load_balancer" {
  description = "The load balancer's own name, and its zone for an alias in Route 53."
  value       = { dns_name = aws_lb.this.dns_name, zone_id = aws_lb.this.zone_id }
}

output "repository_url" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.this.repository_url
}

output "image_source" {
  description = "The image of the specification, to be copied to the registry once."
  value       = "ghcr.io/trefoil/medassistant:0.1.0"
}

output "image" {
  description = "The image that runs."
  value       = local.image
}

output "task_definition" {
  description = "The complete task definition, as `aws ecs register-task-definition --cli-input-json` takes it."
  value       = jsonencode(local.task)
}

output "deploy_role_arn" {
  description = "The role of GitHub's workflow: its variable AWS_ROLE_ARN."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "setup" {
  description = "What starts the specification's `setup` once, as a task: `aws ecs run-task --cli-input-json`."
  value = jsonencode({
    cluster        = aws_ecs_cluster.this.name
    taskDefinition = aws_ecs_task_definition.this.family
    launchType     = "FARGATE"
    networkConfiguration = {
      awsvpcConfiguration = {
        subnets        = [for subnet in aws_subnet.private : subnet.id]
        securityGroups = [aws_security_group.service.id]
        assignPublicIp = "DISABLED"
      }
    }
    overrides = {
      containerOverrides = [{ name = "app", command = ["medassistant", "migrate"] }]
    }
  })
}

output "name_servers" {
  description = "What the registrar has to name for med.example.com."
  value       = aws_route53_zone.this.name_servers
}

output "ds_record" {
  description = "What the registrar has to write down for med.example.com, so that its signature counts."
  value       = aws_route53_key_signing_key.this.ds_record
}

output "database" {
  description = "Where the database answers, and the secret that holds its user and password."
  value       = { host = aws_db_instance.this.address, port = aws_db_instance.this.port, name = "medassistant", secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn }
}

output "secrets" {
  description = "The places of the secrets, by their names in the specification."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}

output "buckets" {
  description = "The buckets, by their names in the specification."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.bucket }
}
