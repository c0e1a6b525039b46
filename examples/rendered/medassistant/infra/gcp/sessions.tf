resource "google_firestore_database" "sessions" {
  name        = "medassistant-gcp"
  location_id = var.region
  type        = "FIRESTORE_NATIVE"

  # Back to any minute of the last seven days.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  delete_protection_state = "DELETE_PROTECTION_ENABLED"
  deletion_policy         = "DELETE"

  depends_on = [google_project_service.required]
}

# Sessions that have expired are deleted, at no more than a day's delay; readers look at the time too.
# Without an index, because one over a time that only grows would slow all writes down.
resource "google_firestore_field" "expires_at" {
  database   = google_firestore_database.sessions.name
  collection = "sessions"
  field      = "expires_at"

  ttl_config {}

  index_config {}
}

# Only to this database of the project.
resource "google_project_iam_member" "sessions" {
  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.application.member

  condition {
    title      = "medassistant-gcp"
    expression = "resource.name == \"projects/${var.project_id}/databases/${google_firestore_database.sessions.name}\""
  }
}
