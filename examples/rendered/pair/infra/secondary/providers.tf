provider "google" {
  project = var.project_id
  region  = var.region

  # Calls count against this project's quota, not against that of whoever runs Terraform.
  billing_project       = var.project_id
  user_project_override = true

  # Everything that can carry labels shows in bills and searches to what it belongs.
  default_labels = local.labels
}
