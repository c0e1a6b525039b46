# Logs are kept for 90 days: in a bucket of their own, because what Google keeps by itself
# goes after 30.
resource "google_logging_project_bucket_config" "application" {
  project        = var.project_id
  location       = var.region
  bucket_id      = "medassistant-secondary"
  retention_days = 90
  description    = "What medassistant and its services log."

  depends_on = [google_project_service.required]
}

locals {
  log_filter = join(" OR ", [
    "resource.labels.service_name=\"medassistant-secondary\"",
    "(resource.type=\"cloud_run_job\" AND resource.labels.job_name:\"medassistant-secondary\")",
    "resource.labels.database_id=\"${var.project_id}:${var.database_instance}\"",
    "(resource.type=\"http_load_balancer\" AND resource.labels.backend_service_name=\"medassistant-secondary\")",
    "log_id(\"cloudaudit.googleapis.com/data_access\")",
  ])
}

resource "google_logging_project_sink" "application" {
  name                   = "medassistant-secondary"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.application.id}"
  filter                 = local.log_filter
  unique_writer_identity = true
}

# They are not kept, and paid for, twice.
resource "google_logging_project_exclusion" "application" {
  name        = "medassistant-secondary"
  description = "Kept in the log bucket medassistant-secondary."
  filter      = local.log_filter

  depends_on = [google_logging_project_sink.application]
}
