# What users reach: a load balancer at Google's edges, near them, with TLS{% if firewall %}, a firewall for web requests{% endif %}{% if cdn %} and a cache{% endif %}.
resource "google_compute_global_address" "edge" {
  name = "{{ base }}"

  depends_on = [google_project_service.required]
}

resource "google_compute_region_network_endpoint_group" "application" {
  name                  = "{{ base }}"
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
  name                  = "{{ base }}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
{% if cdn %}
  compression_mode      = "AUTOMATIC"
{% endif %}
{% if firewall %}
  security_policy       = google_compute_security_policy.edge.id
{% endif %}

  backend {
    group = google_compute_region_network_endpoint_group.application.id
  }

  # One line for each request: who asked for what, and what came of it.
  log_config {
    enable      = true
    sample_rate = 1.0
  }
{% if cdn %}

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
{% endif %}
}

resource "google_compute_url_map" "application" {
  name            = "{{ base }}"
  default_service = google_compute_backend_service.application.id
}

# The domain is proven by a DNS record, so the certificate is there before the first user comes:
# also while the domain still points elsewhere.
resource "google_certificate_manager_dns_authorization" "domain" {
  name   = "{{ base }}"
  domain = "{{ domain }}"

  depends_on = [google_project_service.required]
}

resource "google_certificate_manager_certificate" "domain" {
  name = "{{ base }}"

  managed {
    domains            = ["{{ domain }}"]
    dns_authorizations = [google_certificate_manager_dns_authorization.domain.id]
  }
}

resource "google_certificate_manager_certificate_map" "edge" {
  name = "{{ base }}"

  depends_on = [google_project_service.required]
}

resource "google_certificate_manager_certificate_map_entry" "domain" {
  name         = "{{ base }}"
  map          = google_certificate_manager_certificate_map.edge.name
  certificates = [google_certificate_manager_certificate.domain.id]
  hostname     = "{{ domain }}"
}

# TLS 1.2 at least, and no weak ciphers.
resource "google_compute_ssl_policy" "edge" {
  name            = "{{ base }}"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.required]
}

resource "google_compute_target_https_proxy" "edge" {
  name            = "{{ base }}"
  url_map         = google_compute_url_map.application.id
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.edge.id}"
  ssl_policy      = google_compute_ssl_policy.edge.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "{{ base }}-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.edge.id
}

# Whoever comes without TLS is sent to where it is.
resource "google_compute_url_map" "redirect" {
  name = "{{ base }}-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "{{ base }}-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "{{ base }}-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
