# Their values never pass through Terraform: README.md says how they get here.
resource "google_secret_manager_secret" "application" {
  for_each = {
    "api-key" = { id = "medassistant-gcp-api-key" }
  }

  secret_id = each.value.id

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  # A version that was destroyed by mistake can be brought back for a day.
  version_destroy_ttl = "86400s"

  depends_on = [google_project_service.required]
}

# Only these secrets, and only to read.
resource "google_secret_manager_secret_iam_member" "application" {
  for_each = google_secret_manager_secret.application

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.application.member
}
