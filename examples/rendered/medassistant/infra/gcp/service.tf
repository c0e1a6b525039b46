resource "google_cloud_run_v2_service" "application" {
  name     = "medassistant-gcp"
  location = var.region

  # Users come through the load balancer alone, so nobody walks around its firewall.
  ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"

  # It is a website: whoever can reach it may call it. The application knows its users.
  invoker_iam_disabled = true

  # `terraform destroy` refuses until this is taken away on purpose.
  deletion_protection = true

  scaling {
    # Of the service, not of each revision: a revision that gets no traffic costs nothing.
    min_instance_count = 2
  }

  template {
    service_account                  = google_service_account.application.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = 30
    timeout                          = "300s"

    scaling {
      max_instance_count = 10
    }

    # Straight into the network (Direct VPC egress): no connector that can be full. What goes to the
    # internet does not pass through the network, so there is no NAT gateway.
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.application.id
        tags       = ["medassistant-gcp"]
      }
    }

    containers {
      name  = "application"
      image = local.image
      args  = ["medassistant", "serve"] # in place of the image's CMD

      ports {
        container_port = 8000
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "2Gi"
        }

        # Instances always run, so the processor is theirs between requests too.
        cpu_idle          = false
        startup_cpu_boost = true
      }

      # It gets no traffic before it answers, and has 60 s for that.
      startup_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 6

        http_get {
          path = "/health"
          port = 8000
        }
      }

      # One that no longer answers is replaced.
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3

        http_get {
          path = "/health"
          port = 8000
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
  ]
}
