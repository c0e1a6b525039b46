# The zone of {{ domain }} alone. Whoever runs the domain above points to it, with the records of the
# output name_servers.
resource "google_dns_managed_zone" "domain" {
  name        = "{{ base }}"
  dns_name    = "{{ domain }}."
  description = "{{ name }}"

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
{% if pair %}

  lifecycle {
    # A failover points it to {{ pair.other_folder }}; the next apply must not point it back.
    ignore_changes = [rrdatas]
  }
{% endif %}
}

resource "google_dns_record_set" "certificate" {
  managed_zone = google_dns_managed_zone.domain.name
  name         = google_certificate_manager_dns_authorization.domain.dns_resource_record[0].name
  type         = google_certificate_manager_dns_authorization.domain.dns_resource_record[0].type
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.domain.dns_resource_record[0].data]
}
{% if dns.authorities %}

# Nobody else issues certificates for it.
resource "google_dns_record_set" "caa" {
  managed_zone = google_dns_managed_zone.domain.name
  name         = google_dns_managed_zone.domain.dns_name
  type         = "CAA"
  ttl          = 3600
  rrdatas      = [{% for one in dns.authorities %}"0 issue \"{{ one }}\""{% if not loop.last %}, {% endif %}{% endfor %}]
}
{% endif %}
{% if pair %}

resource "google_dns_record_set" "peer" {
  for_each = { for record in var.peer_dns_records : "${record.name} ${record.type}" => record }

  managed_zone = google_dns_managed_zone.domain.name
  name         = each.value.name
  type         = each.value.type
  ttl          = 300
  rrdatas      = each.value.data
}
{% endif %}
