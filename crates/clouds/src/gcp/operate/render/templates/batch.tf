# Jobs that may be interrupted run on spot machines, for less than half the price: Cloud Run has none, Cloud Batch
# has. A run that is interrupted is begun again. The image is that of the last `terraform apply`.
resource "google_project_iam_member" "batch_report" {
  project = var.project_id
  role    = "roles/batch.agentReporter"
  member  = google_service_account.application.member
}

resource "google_project_iam_member" "batch_log" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.application.member
}

# These machines pull images as the application.
resource "google_artifact_registry_repository_iam_member" "batch_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.application.member
}
{% if delivery.upstream %}

resource "google_artifact_registry_repository_iam_member" "batch_upstream" {
  repository = google_artifact_registry_repository.upstream.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.application.member
}
{% endif %}

# Jobs of Batch belong to the project: there is no narrower place for this role.
resource "google_project_iam_member" "batch_start" {
  project = var.project_id
  role    = "roles/batch.jobsEditor"
  member  = google_service_account.scheduler.member
}

resource "google_service_account_iam_member" "batch_start" {
  service_account_id = google_service_account.application.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.scheduler.member
}
{% for job in jobs.batch %}

resource "google_cloud_scheduler_job" "{{ job.label }}" {
  name      = "{{ job.name }}"
  region    = var.region
  schedule  = "{{ job.schedule }}"
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://batch.googleapis.com/v1/projects/${var.project_id}/locations/${var.region}/jobs"

    headers = {
      "Content-Type" = "application/json"
    }

    body = base64encode(jsonencode({
      taskGroups = [{
        taskCount = 1
        taskSpec = {
          maxRetryCount  = 3
          maxRunDuration = "{{ job.timeout_s }}s"
          computeResource = {
            cpuMilli  = {{ service.cpu_milli }}
            memoryMib = {{ service.memory_mib }}
          }
          environment = {
            variables = local.environment
            secretVariables = {
              for name, one in local.secret_environment :
              name => "projects/${var.project_id}/secrets/${one.secret}/versions/${one.version}"
            }
          }
          runnables = [{
            container = {
              imageUri   = local.image
              commands = [{% for word in job.args %}"{{ word }}"{% if not loop.last %}, {% endif %}{% endfor %}]
            }
          }]
        }
      }]
      allocationPolicy = {
        serviceAccount = { email = google_service_account.application.email }
        location       = { allowedLocations = ["regions/${var.region}"] }
        instances      = [{ policy = { provisioningModel = "SPOT" } }]
        network = {
          networkInterfaces = [{
            network             = google_compute_network.main.id
            subnetwork          = google_compute_subnetwork.application.id
            noExternalIpAddress = true
          }]
        }
        tags = ["{{ network.tag }}"]
      }
      logsPolicy = { destination = "CLOUD_LOGGING" }
      labels     = local.labels
    }))

    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }

  retry_config {
    retry_count          = 3
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  depends_on = [
    google_project_iam_member.batch_start,
    google_service_account_iam_member.batch_start,
  ]
}
{% endfor %}
