{% if jobs.run %}
# What runs in the application's image with its variables, secrets and rights.
locals {
  jobs = {
{% for job in jobs.run %}
    "{{ job.key }}" = {
      name    = "{{ job.name }}"
      args    = [{% for word in job.args %}"{{ word }}"{% if not loop.last %}, {% endif %}{% endfor %}]
      timeout = "{{ job.timeout_s }}s"
      retries = {{ job.retries }}
    }
{% endfor %}
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
{% if network %}

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = google_compute_network.main.id
          subnetwork = google_compute_subnetwork.application.id
          tags       = ["{{ network.tag }}"]
        }
      }
{% endif %}

      containers {
        image   = local.image
        args    = each.value.args

        resources {
          limits = {
            cpu    = "{{ service.cpu }}"
            memory = "{{ service.memory }}"
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

{% if service.waits_for %}
  depends_on = [
{% for one in service.waits_for %}
    {{ one }},
{% endfor %}
  ]
{% else %}
  depends_on = [google_project_service.required]
{% endif %}
}
{% endif %}
{% if jobs.has_schedules %}
{% if jobs.run %}

{% endif %}
# Who starts jobs by the clock: it may start these and nothing else.
resource "google_service_account" "scheduler" {
  account_id   = "{{ accounts.scheduler }}"
  display_name = "{{ name }} in {{ folder }}: starts jobs"

  depends_on = [google_project_service.required]
}
{% endif %}
{% for job in jobs.run %}
{% if job.schedule %}

resource "google_cloud_run_v2_job_iam_member" "{{ job.label }}" {
  name     = google_cloud_run_v2_job.application["{{ job.key }}"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_scheduler_job" "{{ job.label }}" {
  name      = "{{ job.name }}"
  region    = var.region
  schedule  = "{{ job.schedule }}"
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.application["{{ job.key }}"].id}:run"

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

  depends_on = [google_cloud_run_v2_job_iam_member.{{ job.label }}]
}
{% endif %}
{% endfor %}
