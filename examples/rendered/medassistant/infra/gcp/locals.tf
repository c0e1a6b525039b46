locals {
  labels = {
    application = "medassistant"
    environment = "gcp"
    managed-by  = "terraform"
  }

  # Cloud Run pulls from Artifact Registry, which fetches what is kept elsewhere.
  upstream_images = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.upstream.repository_id}"

  image = coalesce(var.image, "${local.upstream_images}/trefoil/medassistant:0.1.0")

  # What the application is told; Cloud Run adds PORT.
  environment = {
    CHAT_MODEL           = "google/gemini-3.8-flash"
    CHAT_TIMEOUT_MS      = "60000"
    LOG_LEVEL            = "info"
    BUCKET_DOCUMENTS_URL = "gs://${google_storage_bucket.application["documents"].name}"
    SESSIONS_URL         = "firestore://${var.project_id}/${google_firestore_database.sessions.name}/sessions"
    CHAT_BASE_URL        = "https://${var.region}-aiplatform.googleapis.com/v1/projects/${var.project_id}/locations/${var.region}/endpoints/openapi"
  }

  # Variables whose values are secrets: the secret, and which version of it.
  secret_environment = {
    # Given by hand at any time: an instance takes the newest when it starts.
    API_KEY = {
      secret  = google_secret_manager_secret.application["api-key"].secret_id
      version = "latest"
    }
    # A fixed version: a new password is a new revision, never a surprise at the next start.
    DATABASE_URL = {
      secret  = google_secret_manager_secret.database_url.secret_id
      version = google_secret_manager_secret_version.database_url.version
    }
  }
}
