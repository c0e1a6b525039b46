# Whom the workflow of the repository is. GitHub vouches for it anew in each run: there is no key
# that could leak.
resource "google_service_account" "deployer" {
  account_id   = "medassistant-secondary-ci"
  display_name = "medassistant in secondary: deploys"

  depends_on = [google_project_service.required]
}

locals {
  github_owner = split("/", var.github_repository)[0]
  github_name  = split("/", var.github_repository)[1]
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "ci-medassistant-secondary"
  display_name              = "ci-medassistant-secondary"
  description               = "Workflows that deploy medassistant to secondary."

  depends_on = [google_project_service.required]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  description                        = "GitHub Actions"

  attribute_mapping = {
    "google.subject" = "assertion.sub"
  }

  # One branch of one repository: a pull request from elsewhere cannot deploy.
  attribute_condition = "assertion.sub == 'repo:${local.github_owner}/${local.github_name}:ref:refs/heads/${var.github_branch}'"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/subject/repo:${var.github_repository}:ref:refs/heads/${var.github_branch}"
}

# What it may: push images, and deploy them to this service and these jobs as the application.
resource "google_artifact_registry_repository_iam_member" "deployer" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deployer.member
}

resource "google_cloud_run_v2_service_iam_member" "deployer" {
  name     = google_cloud_run_v2_service.application.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_cloud_run_v2_job_iam_member" "deployer" {
  for_each = google_cloud_run_v2_job.application

  name     = each.value.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "deployer" {
  service_account_id = google_service_account.application.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}
