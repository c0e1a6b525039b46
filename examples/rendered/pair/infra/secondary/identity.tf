# Whom the application is: an identity of its own, which may do what stands in this folder and no
# more. It has no key; Cloud Run hands it short-lived tokens.
resource "google_service_account" "application" {
  account_id   = "medassistant-secondary-app"
  display_name = "medassistant in secondary"

  depends_on = [google_project_service.required]
}
