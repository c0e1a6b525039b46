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
  value       = google_cloud_run_v2_service.application.uri
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
