# Logs are kept for {{ log_days }} days: in a bucket of their own, because what Google keeps by itself
# goes after 30.
resource "google_logging_project_bucket_config" "application" {
  project        = var.project_id
  location       = var.region
  bucket_id      = "{{ base }}"
  retention_days = {{ log_days }}
  description    = "What {{ name }} and its services log."

  depends_on = [google_project_service.required]
}

locals {
  log_filter = join(" OR ", [
{% if service %}
    "resource.labels.service_name=\"{{ service.name }}\"",
    "(resource.type=\"cloud_run_job\" AND resource.labels.job_name:\"{{ job_prefix }}\")",
{% endif %}
{% if database %}
    "resource.labels.database_id=\"${var.project_id}:${var.database_instance}\"",
{% endif %}
{% if edge %}
    "(resource.type=\"http_load_balancer\" AND resource.labels.backend_service_name=\"{{ base }}\")",
{% endif %}
    "log_id(\"cloudaudit.googleapis.com/data_access\")",
  ])
}

resource "google_logging_project_sink" "application" {
  name                   = "{{ base }}"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.application.id}"
  filter                 = local.log_filter
  unique_writer_identity = true
}

# They are not kept, and paid for, twice.
resource "google_logging_project_exclusion" "application" {
  name        = "{{ base }}"
  description = "Kept in the log bucket {{ base }}."
  filter      = local.log_filter

  depends_on = [google_logging_project_sink.application]
}
