# Whom the application is: an identity of its own, which may do what stands in this folder and no
# more. It has no key; Cloud Run hands it short-lived tokens.
resource "google_service_account" "application" {
  account_id   = "medassistant-gcp-app"
  display_name = "medassistant in gcp"

  depends_on = [google_project_service.required]
}

# To ask models, and nothing else of Vertex AI.
resource "google_project_iam_custom_role" "chat" {
  role_id     = "medassistant_gcp_chat"
  title       = "medassistant in gcp: asks language models"
  permissions = ["aiplatform.endpoints.predict"]
}

resource "google_project_iam_member" "chat" {
  project = var.project_id
  role    = google_project_iam_custom_role.chat.id
  member  = google_service_account.application.member
}
