resource "google_cloud_run_v2_service" "application" {
  name     = "{{ service.name }}"
  location = var.region

{% if edge %}
  # Users come through the load balancer alone, so nobody walks around its firewall.
  ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
{% else %}
  ingress = "INGRESS_TRAFFIC_ALL"
{% endif %}

  # It is a website: whoever can reach it may call it. The application knows its users.
  invoker_iam_disabled = true

  # `terraform destroy` refuses until this is taken away on purpose.
  deletion_protection = true

  scaling {
    # Of the service, not of each revision: a revision that gets no traffic costs nothing.
    min_instance_count = {{ service.min }}
  }

  template {
    service_account                  = google_service_account.application.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = {{ service.concurrency }}
    timeout                          = "{{ service.timeout_s }}s"

    scaling {
      max_instance_count = {{ service.max }}
    }
{% if network %}

    # Straight into the network (Direct VPC egress): no connector that can be full. What goes to the
    # internet does not pass through the network, so there is no NAT gateway.
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
      name  = "application"
      image = local.image
{% if tracing %}

      # What it traces at start is not lost.
      depends_on = ["collector"]
{% endif %}
{% if service.args %}
      args  = [{% for word in service.args %}"{{ word }}"{% if not loop.last %}, {% endif %}{% endfor %}] # in place of the image's CMD
{% endif %}

      ports {
        container_port = {{ service.port }}
      }

      resources {
        limits = {
          cpu    = "{{ service.cpu }}"
          memory = "{{ service.memory }}"
        }

{% if service.cpu_idle %}
        # Without instances that always run, a processor is paid for while it answers.
        cpu_idle = true
{% else %}
        # Instances always run, so the processor is theirs between requests too.
        cpu_idle = false
{% endif %}
        startup_cpu_boost = true
      }

      # It gets no traffic before it answers, and has {{ service.startup.budget_s }} s for that.
      startup_probe {
        period_seconds    = {{ service.startup.period_s }}
        timeout_seconds   = {{ service.startup.timeout_s }}
        failure_threshold = {{ service.startup.failures }}

        http_get {
          path = "{{ service.health_path }}"
          port = {{ service.port }}
        }
      }

      # One that no longer answers is replaced.
      liveness_probe {
        period_seconds    = {{ service.liveness.period_s }}
        timeout_seconds   = {{ service.liveness.timeout_s }}
        failure_threshold = {{ service.liveness.failures }}

        http_get {
          path = "{{ service.health_path }}"
          port = {{ service.port }}
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
{% if tracing %}

    # Takes traces from the application (OTLP, port 4318) and hands them to Cloud Trace.
    containers {
      name  = "collector"
      image = "{{ tracing.image }}"
      args  = ["--config=/etc/otelcol-google/config.yaml"]

      resources {
        limits = {
          cpu    = "{{ tracing.cpu }}"
          memory = "{{ tracing.memory }}"
        }
      }

      startup_probe {
        http_get {
          path = "/"
          port = 13133
        }
      }

      volume_mounts {
        name       = "collector"
        mount_path = "/etc/otelcol-google"
      }
    }

    volumes {
      name = "collector"

      secret {
        secret = google_secret_manager_secret.collector.secret_id

        items {
          version = google_secret_manager_secret_version.collector.version
          path    = "config.yaml"
        }
      }
    }
{% endif %}
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  lifecycle {
    # The workflow deploys images and moves traffic; everything else is changed here.
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      template[0].revision,
      traffic,
    ]
  }

{% if service.waits_for %}
  # An instance can only start once it may read what it needs.
  depends_on = [
{% for one in service.waits_for %}
    {{ one }},
{% endfor %}
  ]
{% else %}
  depends_on = [google_project_service.required]
{% endif %}
}
