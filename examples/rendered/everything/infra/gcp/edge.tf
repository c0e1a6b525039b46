# What users reach: a load balancer at Google's edges, near them, with TLS, a firewall for web requests and a cache.
resource "google_compute_global_address" "edge" {
  name = "everything-gcp"

  depends_on = [google_project_service.required]
}

resource "google_compute_region_network_endpoint_group" "application" {
  name                  = "everything-gcp"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.application.name
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_backend_service" "application" {
  name                  = "everything-gcp"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  compression_mode      = "AUTOMATIC"
  security_policy       = google_compute_security_policy.edge.id

  backend {
    group = google_compute_region_network_endpoint_group.application.id
  }

  # One line for each request: who asked for what, and what came of it.
  log_config {
    enable      = true
    sample_rate = 1.0
  }

  enable_cdn = true

  cdn_policy {
    # Only what the application marks as public (Cache-Control) is kept: nobody sees another's page.
    cache_mode = "USE_ORIGIN_HEADERS"

    # While the application is away, what is kept answers for a day longer.
    serve_while_stale = 86400

    cache_key_policy {
      include_host         = true
      include_protocol     = true
      include_query_string = true
    }
  }
}

resource "google_compute_url_map" "application" {
  name            = "everything-gcp"
  default_service = google_compute_backend_service.application.id
}

# The domain is proven by a DNS record, so the certificate is there before the first user comes:
# also while the domain still points elsewhere.
resource "google_certificate_manager_dns_authorization" "domain" {
  name   = "everything-gcp"
  domain = "app.example.com"

  depends_on = [google_project_service.required]
}

resource "google_certificate_manager_certificate" "domain" {
  name = "everything-gcp"

  managed {
    domains            = ["app.example.com"]
    dns_authorizations = [google_certificate_manager_dns_authorization.domain.id]
  }
}

resource "google_certificate_manager_certificate_map" "edge" {
  name = "everything-gcp"

  depends_on = [google_project_service.required]
}

resource "google_certificate_manager_certificate_map_entry" "domain" {
  name         = "everything-gcp"
  map          = google_certificate_manager_certificate_map.edge.name
  certificates = [google_certificate_manager_certificate.domain.id]
  hostname     = "app.example.com"
}

# TLS 1.2 at least, and no weak ciphers.
resource "google_compute_ssl_policy" "edge" {
  name            = "everything-gcp"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.required]
}

resource "google_compute_target_https_proxy" "edge" {
  name            = "everything-gcp"
  url_map         = google_compute_url_map.application.id
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.edge.id}"
  ssl_policy      = google_compute_ssl_policy.edge.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "everything-gcp-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.edge.id
}

# Whoever comes without TLS is sent to where it is.
resource "google_compute_url_map" "redirect" {
  name = "everything-gcp-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "everything-gcp-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "everything-gcp-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
