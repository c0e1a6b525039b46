# The zone of app.example.com alone. Whoever runs the domain above points to it, with the records of the
# output name_servers.
resource "google_dns_managed_zone" "domain" {
  name        = "everything-gcp"
  dns_name    = "app.example.com."
  description = "everything"

  # Answers are signed. The domain above confirms it with a DS record: `gcloud dns dns-keys list`.
  dnssec_config {
    state = "on"
  }

  cloud_logging_config {
    enable_logging = true
  }

  depends_on = [google_project_service.required]
}

resource "google_dns_record_set" "application" {
  managed_zone = google_dns_managed_zone.domain.name
  name         = google_dns_managed_zone.domain.dns_name
  type         = "A"
  ttl          = 60 # so that a switch to another place is seen within a minute
  rrdatas      = [google_compute_global_address.edge.address]
}

resource "google_dns_record_set" "certificate" {
  managed_zone = google_dns_managed_zone.domain.name
  name         = google_certificate_manager_dns_authorization.domain.dns_resource_record[0].name
  type         = google_certificate_manager_dns_authorization.domain.dns_resource_record[0].type
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.domain.dns_resource_record[0].data]
}

# Nobody else issues certificates for it.
resource "google_dns_record_set" "caa" {
  managed_zone = google_dns_managed_zone.domain.name
  name         = google_dns_managed_zone.domain.dns_name
  type         = "CAA"
  ttl          = 3600
  rrdatas      = ["0 issue \"pki.goog\"", "0 issue \"letsencrypt.org\""]
}
