resource "google_redis_instance" "cache" {
  name           = "everything-gcp"
  region         = var.region
  memory_size_gb = 1
  redis_version  = "REDIS_7_2"
  # A second server in another zone takes over when the first dies.
  tier = "STANDARD_HA"

  # Reachable from the network alone, with a password and TLS.
  authorized_network      = google_compute_network.main.id
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"

  # It is a cache: what was not used for longest gives way.
  redis_configs = {
    maxmemory-policy = "allkeys-lru"
  }

  maintenance_policy {
    weekly_maintenance_window {
      day = "SUNDAY"

      start_time {
        hours   = 4
        minutes = 0
      }
    }
  }

  depends_on = [google_service_networking_connection.services]
}

# Google makes this password and Terraform reads it, so it is in the state, whose bucket is closed.
resource "google_secret_manager_secret" "cache_url" {
  secret_id = "everything-gcp-cache_url"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_secret_manager_secret_version" "cache_url" {
  secret      = google_secret_manager_secret.cache_url.id
  secret_data = "rediss://:${google_redis_instance.cache.auth_string}@${google_redis_instance.cache.host}:${google_redis_instance.cache.port}"

  lifecycle {
    create_before_destroy = true
  }
}

# The authority that signs the server's certificate is the server's own: the application must trust it.
resource "google_secret_manager_secret" "cache_authority" {
  secret_id = "everything-gcp-cache_authority"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_secret_manager_secret_version" "cache_authority" {
  secret      = google_secret_manager_secret.cache_authority.id
  secret_data = google_redis_instance.cache.server_ca_certs[0].cert

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "cache" {
  for_each = {
    url       = google_secret_manager_secret.cache_url.id
    authority = google_secret_manager_secret.cache_authority.id
  }

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.application.member
}
