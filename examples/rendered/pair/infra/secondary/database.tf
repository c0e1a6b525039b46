resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_6: TLS is required; a client proves itself by its password, not by a certificate of its own.
  # checkov:skip=CKV2_GCP_13: a line for each statement would cost more than the server; Query Insights has them.
  # checkov:skip=CKV_GCP_79: the specification asks for this version.
  name             = var.database_instance
  region           = var.region
  database_version = "POSTGRES_16"

  # `terraform destroy` refuses until this is taken away on purpose.
  deletion_protection = true

  settings {
    tier    = "db-custom-1-3840"
    edition = "ENTERPRISE"
    # A standby in a second zone takes over when the first dies.
    availability_type = "REGIONAL"

    disk_type             = "PD_SSD"
    disk_size             = 100
    disk_autoresize       = true # a full disk stops the server
    disk_autoresize_limit = 200

    # The same protection against everybody: the console and gcloud refuse too.
    deletion_protection_enabled = true
    retain_backups_on_delete    = true

    ip_configuration {
      ipv4_enabled                                  = false # no public address
      private_network                               = google_compute_network.main.id
      allocated_ip_range                            = google_compute_global_address.services.name
      enable_private_path_for_google_cloud_services = true
      ssl_mode                                      = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled    = true
      location   = var.region
      start_time = "03:00" # UTC

      # Back to any second of the last 7 days.
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
        retention_unit   = "COUNT" # one a day
      }
    }

    maintenance_window {
      day          = 7 # Sunday
      hour         = 3 # UTC
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled  = true
      query_plans_per_minute  = 5
      query_string_length     = 1024
      record_application_tags = true
      record_client_address   = false # the addresses are Cloud Run's
    }

    password_validation_policy {
      enable_password_policy      = true
      min_length                  = 20
      complexity                  = "COMPLEXITY_DEFAULT"
      disallow_username_substring = true
      reuse_interval              = 5
    }

    # Who came and went.
    database_flags {
      name  = "log_connections"
      value = "on"
    }
    database_flags {
      name  = "log_disconnections"
      value = "on"
    }
    database_flags {
      name  = "log_hostname"
      value = "on"
    }

    # What the disk was busy with.
    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    # What waited for a lock, and what was sorted on disk.
    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }
    database_flags {
      name  = "log_temp_files"
      value = "0"
    }

    # What went wrong.
    database_flags {
      name  = "log_min_messages"
      value = "warning"
    }
    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    # What changed the schema; other statements hold what users wrote.
    database_flags {
      name  = "log_statement"
      value = "ddl"
    }

    # Slow queries are in Query Insights, without values.
    database_flags {
      name  = "log_min_duration_statement"
      value = "-1"
    }

    # For audits that need more: CREATE EXTENSION pgaudit.
    database_flags {
      name  = "cloudsql.enable_pgaudit"
      value = "on"
    }

    # Its changes can be streamed to another database.
    database_flags {
      name  = "cloudsql.logical_decoding"
      value = "on"
    }
    database_flags {
      name  = "max_replication_slots"
      value = "20"
    }
    database_flags {
      name  = "max_wal_senders"
      value = "20"
    }
    database_flags {
      name  = "max_worker_processes"
      value = "16"
    }
  }

  lifecycle {
    # The disk grows by itself and never shrinks.
    ignore_changes = [settings[0].disk_size]
  }

  depends_on = [google_service_networking_connection.services]
}

resource "google_sql_database" "application" {
  name     = "medassistant"
  instance = google_sql_database_instance.main.name

  # It goes with the server: PostgreSQL refuses while somebody is connected.
  deletion_policy = "ABANDON"
}

# Made while Terraform runs, and forgotten: it is neither in the state nor in a plan.
ephemeral "random_password" "database" {
  length           = 40
  override_special = "-_" # it stands in a URL
  min_lower        = 1
  min_upper        = 1
  min_numeric      = 1
  min_special      = 1 # the server's rules for passwords ask for one of each
}

resource "google_sql_user" "application" {
  name     = "medassistant"
  instance = google_sql_database_instance.main.name

  password_wo         = ephemeral.random_password.database.result
  password_wo_version = var.database_password_version

  # It owns tables and goes with the server.
  deletion_policy = "ABANDON"
}

resource "google_secret_manager_secret" "database_url" {
  secret_id = "medassistant-secondary-database_url"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  # A version that was replaced stays for a day, for the instances that still have it.
  version_destroy_ttl = "86400s"

  depends_on = [google_project_service.required]
}

resource "google_secret_manager_secret_version" "database_url" {
  secret = google_secret_manager_secret.database_url.id

  secret_data_wo = join("", [
    "postgresql://",
    join(":", [google_sql_user.application.name, ephemeral.random_password.database.result]),
    "@${google_sql_database_instance.main.private_ip_address}:5432",
    "/${google_sql_database.application.name}?sslmode=require",
  ])
  secret_data_wo_version = var.database_password_version

  lifecycle {
    # The new one is there before the service forgets the old one.
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "database_url" {
  secret_id = google_secret_manager_secret.database_url.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.application.member
}
