resource "google_cloud_run_v2_service" "application" {
  name     = "everything-gcp"
  location = var.region

  # Users come through the load balancer alone, so nobody walks around its firewall.
  ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"

  # It is a website: whoever can reach it may call it. The application knows its users.
  invoker_iam_disabled = true

  # `terraform destroy` refuses until this is taken away on purpose.
  deletion_protection = true

  scaling {
    # Of the service, not of each revision: a revision that gets no traffic costs nothing.
    min_instance_count = 3
  }

  template {
    service_account                  = google_service_account.application.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = 80
    timeout                          = "300s"

    scaling {
      max_instance_count = 20
    }

    # Straight into the network (Direct VPC egress): no connector that can be full. What goes to the
    # internet does not pass through the network, so there is no NAT gateway.
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.application.id
        tags       = ["everything-gcp"]
      }
    }

    containers {
      name  = "application"
      image = local.image

      # What it traces at start is not lost.
      depends_on = ["collector"]
      args       = ["serve", "--workers", "2"] # in place of the image's CMD

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "2"
          memory = "4Gi"
        }

        # Instances always run, so the processor is theirs between requests too.
        cpu_idle          = false
        startup_cpu_boost = true
      }

      # It gets no traffic before it answers, and has 90 s for that.
      startup_probe {
        period_seconds    = 15
        timeout_seconds   = 3
        failure_threshold = 6

        http_get {
          path = "/alive"
          port = 8080
        }
      }

      # One that no longer answers is replaced.
      liveness_probe {
        period_seconds    = 15
        timeout_seconds   = 3
        failure_threshold = 3

        http_get {
          path = "/alive"
          port = 8080
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

    # Takes traces from the application (OTLP, port 4318) and hands them to Cloud Trace.
    containers {
      name  = "collector"
      image = "us-docker.pkg.dev/cloud-ops-agents-artifacts/google-cloud-opentelemetry-collector/otelcol-google:0.160.0"
      args  = ["--config=/etc/otelcol-google/config.yaml"]

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
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

  # An instance can only start once it may read what it needs.
  depends_on = [
    google_project_service.required,
    google_secret_manager_secret_iam_member.application,
    google_secret_manager_secret_iam_member.database_url,
    google_secret_manager_secret_iam_member.cache,
    google_secret_manager_secret_iam_member.collector,
  ]
}
