output "project_id" {
  description = "The project."
  value       = var.project_id
}

output "region" {
  description = "The region."
  value       = var.region
}
{% if service %}

output "service" {
  description = "The name of the Cloud Run service."
  value       = google_cloud_run_v2_service.application.name
}

output "url" {
  description = "Where the application answers."
{% if edge %}
  value       = "https://{{ domain }}"
{% else %}
  value       = google_cloud_run_v2_service.application.uri
{% endif %}
}

output "image_repository" {
  description = "Where the workflow pushes images."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "service_account" {
  description = "Whom the application is."
  value       = google_service_account.application.email
}

output "deployer" {
  description = "Whom the workflow is: the variable GCP_DEPLOYER of the repository."
  value       = google_service_account.deployer.email
}

output "workload_identity_provider" {
  description = "Who vouches for the workflow: the variable GCP_IDENTITY_PROVIDER of the repository."
  value       = google_iam_workload_identity_pool_provider.github.name
}
{% endif %}
{% if edge %}

output "address" {
  description = "The address of the load balancer."
  value       = google_compute_global_address.edge.address
}
{% if not dns %}

output "dns_records" {
  description = "Records for the zone of {{ domain }}, which {{ pair.other_folder }} runs: they prove whose it is. The address itself is put there by a failover."
  value = [{
    name = google_certificate_manager_dns_authorization.domain.dns_resource_record[0].name
    type = google_certificate_manager_dns_authorization.domain.dns_resource_record[0].type
    data = [google_certificate_manager_dns_authorization.domain.dns_resource_record[0].data]
  }]
}
{% endif %}
{% endif %}
{% if dns %}

output "name_servers" {
  description = "The name servers of {{ domain }}: NS records for the domain above."
  value       = google_dns_managed_zone.domain.name_servers
}
{% endif %}
{% if database %}

output "database_instance" {
  description = "The connection name of the database server."
  value       = google_sql_database_instance.main.connection_name
}

output "database_address" {
  description = "The private address of the database."
  value       = google_sql_database_instance.main.private_ip_address
}
{% endif %}
{% if buckets %}

output "buckets" {
  description = "The buckets, by their names in the specification."
  value       = { for key, bucket in google_storage_bucket.application : key => bucket.name }
}
{% endif %}
{% if sessions %}

output "sessions_database" {
  description = "The Firestore database of the sessions."
  value       = google_firestore_database.sessions.name
}
{% endif %}
{% if vpn %}

output "vpn_gateway" {
  description = "This side's VPN gateway."
  value       = google_compute_ha_vpn_gateway.peer.self_link
}

output "vpn_addresses" {
  description = "The two public addresses of this side's VPN gateway, for {{ pair.other_folder }}."
  value       = [for interface in google_compute_ha_vpn_gateway.peer.vpn_interfaces : interface.ip_address]
}

output "vpn_router" {
  description = "The number of this side's router (BGP), for {{ pair.other_folder }}."
  value       = {{ vpn.asn }}
}
{% endif %}
