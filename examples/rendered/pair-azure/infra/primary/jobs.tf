# What runs in the application's image with its variables, secrets and rights.
locals {
  jobs = {
    "setup" = {
      name    = "medassistant-primary-setup"
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
          tags       = ["medassistant-primary"]
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
    google_secret_manager_secret_iam_member.database_url,
  ]
}
