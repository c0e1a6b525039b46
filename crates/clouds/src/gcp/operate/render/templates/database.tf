resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_6: TLS is required; a client proves itself by its password, not by a certificate of its own.
  # checkov:skip=CKV2_GCP_13: a line for each statement would cost more than the server; Query Insights has them.
{% if database.old_version %}
  # checkov:skip=CKV_GCP_79: the specification asks for this version.
{% endif %}
  name             = var.database_instance
  region           = var.region
  database_version = "POSTGRES_{{ database.version }}"

  # `terraform destroy` refuses until this is taken away on purpose.
  deletion_protection = true

  settings {
    tier              = "{{ database.tier }}"
    edition           = "ENTERPRISE"
{% if database.regional %}
    # A standby in a second zone takes over when the first dies.
    availability_type = "REGIONAL"
{% else %}
    availability_type = "ZONAL"
{% endif %}

    disk_type             = "PD_SSD"
    disk_size             = {{ database.storage_gb }}
    disk_autoresize       = true # a full disk stops the server
    disk_autoresize_limit = {{ database.storage_limit_gb }}

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
{% if database.backup_days %}
      enabled    = true
      location   = var.region
      start_time = "{{ database.backup_time }}" # UTC

      # Back to any second of the last {{ database.log_days }} days.
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = {{ database.log_days }}

      backup_retention_settings {
        retained_backups = {{ database.backup_days }}
        retention_unit   = "COUNT" # one a day
      }
{% else %}
      # checkov:skip=CKV_GCP_14: the specification asks for no backups (backup_days: 0).
      enabled = false
{% endif %}
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
{% for flag in database.flags %}
{% if flag.why %}

    # {{ flag.why }}
{% endif %}
    database_flags {
      name  = "{{ flag.name }}"
      value = "{{ flag.value }}"
    }
{% endfor %}
  }

  lifecycle {
    # The disk grows by itself and never shrinks.
    ignore_changes = [settings[0].disk_size]
  }

  depends_on = [google_service_networking_connection.services]
}

resource "google_sql_database" "application" {
  name     = "{{ database.name }}"
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
  name     = "{{ database.user }}"
  instance = google_sql_database_instance.main.name

  password_wo         = ephemeral.random_password.database.result
  password_wo_version = var.database_password_version

  # It owns tables and goes with the server.
  deletion_policy = "ABANDON"
}

resource "google_secret_manager_secret" "database_url" {
  secret_id = "{{ secret_ids.database_url }}"

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
{% if service %}

resource "google_secret_manager_secret_iam_member" "database_url" {
  secret_id = google_secret_manager_secret.database_url.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.application.member
}
{% endif %}
