output "project_id" {
  description = "The project."
  value       = var.project_id
}

output "region" {
  description = "The region."
  value       = var.region
}

output "service" {
  description = "The name of the Cloud Run service."
  value       = google_cloud_run_v2_service.application.name
}

output "url" {
  description = "Where the application answers."
  value       = "https://med.example.com"
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

output "address" {
  description = "The address of the load balancer."
  value       = google_compute_global_address.edge.address
}

output "name_servers" {
  description = "The name servers of med.example.com: NS records for the domain above."
  value       = google_dns_managed_zone.domain.name_servers
}

output "database_instance" {
  description = "The connection name of the database server."
  value       = google_sql_database_instance.main.connection_name
}

output "database_address" {
  description = "The private address of the database."
  value       = google_sql_database_instance.main.private_ip_address
}

output "buckets" {
  description = "The buckets, by their names in the specification."
  value       = { for key, bucket in google_storage_bucket.application : key => bucket.name }
}

output "sessions_database" {
  description = "The Firestore database of the sessions."
  value       = google_firestore_database.sessions.name
}

output "vpn_gateway" {
  description = "This side's VPN gateway."
  value       = google_compute_ha_vpn_gateway.peer.self_link
}

output "vpn_addresses" {
  description = "The two public addresses of this side's VPN gateway, for secondary."
  value       = [for interface in google_compute_ha_vpn_gateway.peer.vpn_interfaces : interface.ip_address]
}

output "vpn_router" {
  description = "The number of this side's router (BGP), for secondary."
  value       = 64610
}
