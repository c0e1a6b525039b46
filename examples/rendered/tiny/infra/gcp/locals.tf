locals {
  labels = {
    application = "tiny"
    environment = "gcp"
    managed-by  = "terraform"
  }

  # Cloud Run pulls from Artifact Registry, which fetches what is kept elsewhere.
  upstream_images = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.upstream.repository_id}"

  image = coalesce(var.image, "${local.upstream_images}/example/tiny:1.0.0")

  # What the application is told; Cloud Run adds PORT.
  environment = {
    LOG_LEVEL = "info"
  }

  secret_environment = {}
}
