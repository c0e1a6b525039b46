{% if service %}
output "url" {
  description = "Where users find the application."
{% if domain %}
  value       = "https://{{ domain.name }}"
{% elif cdn %}
  value       = "https://${aws_cloudfront_distribution.this.domain_name}"
{% else %}
  value       = "https://${aws_lb.this.dns_name}"
{% endif %}
}
{% if not cdn %}

output "load_balancer" {
  description = "The load balancer's own name, and its zone for an alias in Route 53."
  value       = { dns_name = aws_lb.this.dns_name, zone_id = aws_lb.this.zone_id }
}
{% endif %}

output "repository_url" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.this.repository_url
}

output "image_source" {
  description = "The image of the specification, to be copied to the registry once."
  value       = "{{ image.source }}"
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
{% if setup %}

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
      containerOverrides = [{ name = "app", command = [{% for part in setup %}"{{ part }}"{% if not loop.last %}, {% endif %}{% endfor %}] }]
    }
  })
}
{% endif %}
{% endif %}
{% if domain %}
{% if domain.zone == "own" %}

output "name_servers" {
  description = "What the registrar has to name for {{ domain.name }}."
  value       = aws_route53_zone.this.name_servers
}

output "ds_record" {
  description = "What the registrar has to write down for {{ domain.name }}, so that its signature counts."
  value       = aws_route53_key_signing_key.this.ds_record
}
{% endif %}
{% if domain.zone == "elsewhere" %}

output "certificate_records" {
  description = "The records that prove the name to AWS, for the zone at {{ domain.zone_of }}."
  value       = [for option in aws_acm_certificate.this.domain_validation_options : { name = option.resource_record_name, type = option.resource_record_type, value = option.resource_record_value }]
}
{% endif %}
{% endif %}
{% if database %}

output "database" {
  description = "Where the database answers, and the secret that holds its user and password."
  value       = { host = aws_db_instance.this.address, port = aws_db_instance.this.port, name = "{{ database.db_name }}", secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn }
}
{% endif %}
{% if secrets %}

output "secrets" {
  description = "The places of the secrets, by their names in the specification."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}
{% endif %}
{% if buckets %}

output "buckets" {
  description = "The buckets, by their names in the specification."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.bucket }
}
{% endif %}
{% if same_cloud_pair %}

output "bucket_arns" {
  description = "The buckets that {{ same_cloud_pair }} copies to or from: its variable peer_bucket_arns."
  value       = {% if buckets %}{ for key, bucket in aws_s3_bucket.this : key => bucket.arn }{% else %}{}{% endif %}

}

output "key_arn" {
  description = "The key of this environment: the variable peer_key_arn of {{ same_cloud_pair }}."
  value       = aws_kms_key.this.arn
}
{% endif %}
{% if peering %}

output "vpc_id" {
  description = "This network: the variable peer_vpc_id of {{ peering.other }}."
  value       = aws_vpc.this.id
}
{% if peering.requests %}

output "peering_connection_id" {
  description = "The connection between the networks: the variable of that name of {{ peering.other }}."
  value       = one(local.peering_connections)
}
{% endif %}
{% endif %}
{% if vpn %}

output "vpn_tunnels" {
  description = "The tunnels as {{ vpn.other }} sees them, two for each of its gateways: the address here, its own end inside, and the end here."
  value = flatten([for connection in aws_vpn_connection.peer : [
    {
      address             = connection.tunnel1_address
      inside_address      = connection.tunnel1_cgw_inside_address
      peer_inside_address = connection.tunnel1_vgw_inside_address
    },
    {
      address             = connection.tunnel2_address
      inside_address      = connection.tunnel2_cgw_inside_address
      peer_inside_address = connection.tunnel2_vgw_inside_address
    },
  ]])
}

output "vpn_keys" {
  description = "Where the keys of the tunnels are, for {{ vpn.other }}: a secret for each of its gateways, with the keys of two tunnels."
  value       = [for connection in aws_vpn_connection.peer : connection.preshared_key_arn]
}
{% endif %}
