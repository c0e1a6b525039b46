# Logs are kept for 365 days: in a bucket of their own, because what Google keeps by itself
# goes after 30.
resource "google_logging_project_bucket_config" "application" {
  project        = var.project_id
  location       = var.region
  bucket_id      = "everything-gcp"
  retention_days = 365
  description    = "What everything and its services log."

  depends_on = [google_project_service.required]
}

locals {
  log_filter = join(" OR ", [
    "resource.labels.service_name=\"everything-gcp\"",
    "(resource.type=\"cloud_run_job\" AND resource.labels.job_name:\"everything-gcp\")",
    "resource.labels.database_id=\"${var.project_id}:${var.database_instance}\"",
    "(resource.type=\"http_load_balancer\" AND resource.labels.backend_service_name=\"everything-gcp\")",
    "log_id(\"cloudaudit.googleapis.com/data_access\")",
  ])
}

resource "google_logging_project_sink" "application" {
  name                   = "everything-gcp"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.application.id}"
  filter                 = local.log_filter
  unique_writer_identity = true
}

# They are not kept, and paid for, twice.
resource "google_logging_project_exclusion" "application" {
  name        = "everything-gcp"
  description = "Kept in the log bucket everything-gcp."
  filter      = local.log_filter

  depends_on = [google_logging_project_sink.application]
}
