# Whom the application is: an identity of its own, which may do what stands in this folder and no
# more. It has no key; Cloud Run hands it short-lived tokens.
resource "google_service_account" "application" {
  account_id   = "everything-gcp-app"
  display_name = "everything in gcp"

  depends_on = [google_project_service.required]
}

# To ask models, and nothing else of Vertex AI.
resource "google_project_iam_custom_role" "chat" {
  role_id     = "everything_gcp_chat"
  title       = "everything in gcp: asks language models"
  permissions = ["aiplatform.endpoints.predict"]
}

resource "google_project_iam_member" "chat" {
  project = var.project_id
  role    = google_project_iam_custom_role.chat.id
  member  = google_service_account.application.member
}

# Traces belong to the project: there is no narrower place for this role.
resource "google_project_iam_member" "traces" {
  project = var.project_id
  role    = "roles/cloudtrace.agent"
  member  = google_service_account.application.member
}
