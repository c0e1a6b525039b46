# What runs in the application's image with its variables, secrets and rights.
locals {
  jobs = {
    "clean" = {
      name    = "medassistant-gcp-clean"
      args    = ["medassistant", "clean"]
      timeout = "900s"
      retries = 0
    }
    "setup" = {
      name    = "medassistant-gcp-setup"
      args    = ["medassistant", "migrate"]
      timeout = "1800s"
      retries = 0
    }
  }
}

resource "google_cloud_run_v2_job" "application" {
  for_each = local.jobs

  name                = each.value.name
  location            = var.region
  deletion_protection = false # it keeps nothing

  template {
    template {
      service_account       = google_service_account.application.email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = each.value.timeout
      max_retries           = each.value.retries

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = google_compute_network.main.id
          subnetwork = google_compute_subnetwork.application.id
          tags       = ["medassistant-gcp"]
        }
      }

      containers {
        image = local.image
        args  = each.value.args

        resources {
          limits = {
            cpu    = "1"
            memory = "2Gi"
          }
        }

        dynamic "env" {
          for_each = local.environment

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = local.secret_environment

          content {
            name = env.key

            value_source {
              secret_key_ref {
                secret  = env.value.secret
                version = env.value.version
              }
            }
          }
        }
      }
    }
  }

  lifecycle {
    # The workflow deploys images; everything else is changed here.
    ignore_changes = [
      client,
      client_version,
      template[0].template[0].containers[0].image,
    ]
  }

  depends_on = [
    google_project_service.required,
    google_secret_manager_secret_iam_member.application,
    google_secret_manager_secret_iam_member.database_url,
  ]
}

# Who starts jobs by the clock: it may start these and nothing else.
resource "google_service_account" "scheduler" {
  account_id   = "medassistant-gcp-cron"
  display_name = "medassistant in gcp: starts jobs"

  depends_on = [google_project_service.required]
}

resource "google_cloud_run_v2_job_iam_member" "job_clean" {
  name     = google_cloud_run_v2_job.application["clean"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_scheduler_job" "job_clean" {
  name      = "medassistant-gcp-clean"
  region    = var.region
  schedule  = "0 3 * * *"
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.application["clean"].id}:run"

    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }

  # A start that was refused is tried again; a run that failed is the job's own matter.
  retry_config {
    retry_count          = 3
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  depends_on = [google_cloud_run_v2_job_iam_member.job_clean]
}
