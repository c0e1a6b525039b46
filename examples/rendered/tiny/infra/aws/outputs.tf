output "url" {
  description = "Where users find the application."
  value       = "https://${aws_lb.this.dns_name}"
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
  value       = "ghcr.io/example/tiny:1.0.0"
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
