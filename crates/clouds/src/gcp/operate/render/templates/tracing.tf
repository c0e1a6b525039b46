# How the collector beside each instance is set up. It holds no secret, but Cloud Run mounts files
# from Secret Manager.
resource "google_secret_manager_secret" "collector" {
  secret_id = "{{ secret_ids.collector }}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_secret_manager_secret_version" "collector" {
  secret      = google_secret_manager_secret.collector.id
  secret_data = file("${path.module}/collector.yaml")
}

resource "google_secret_manager_secret_iam_member" "collector" {
  secret_id = google_secret_manager_secret.collector.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.application.member
}
