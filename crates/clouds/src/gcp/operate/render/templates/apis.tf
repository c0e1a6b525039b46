resource "google_project_service" "required" {
  for_each = toset([
{% for api in apis %}
    "{{ api }}",
{% endfor %}
  ])

  service = each.value

  # Others in the project may use it too.
  disable_on_destroy = false
}
{% if audited %}

# Who read or changed what, also of the data: without this only changes of settings are recorded.
resource "google_project_iam_audit_config" "data" {
  for_each = toset([
{% for api in audited %}
    "{{ api }}",
{% endfor %}
  ])

  project = var.project_id
  service = each.value

  audit_log_config {
    log_type = "DATA_WRITE"
  }

  audit_log_config {
    log_type = "DATA_READ"
  }
}
{% endif %}
