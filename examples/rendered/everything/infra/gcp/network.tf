resource "google_compute_network" "main" {
  name                    = "everything-gcp"
  auto_create_subnetworks = false

  depends_on = [google_project_service.required]
}

# From here the application calls what is private. A /20 has four addresses for each of 1,000
# instances: Cloud Run needs two for each while it replaces them.
resource "google_compute_subnetwork" "application" {
  name                     = "everything-gcp"
  network                  = google_compute_network.main.id
  region                   = var.region
  ip_cidr_range            = cidrsubnet(var.network_cidr, 4, 0)
  private_ip_google_access = true

  # Who spoke to whom, for the day on which somebody asks.
  log_config {
    aggregation_interval = "INTERVAL_5_MIN"
    flow_sampling        = 0.5
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Nothing leaves the application's addresses for other private ones, except what is allowed below.
# Nothing comes in either: that is every network's own rule.
resource "google_compute_firewall" "deny_egress" {
  name               = "everything-gcp-deny-egress"
  network            = google_compute_network.main.id
  direction          = "EGRESS"
  priority           = 65000
  target_tags        = ["everything-gcp"]
  destination_ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

# Where Google puts the database and the cache, without any public address.
resource "google_compute_global_address" "services" {
  name          = "everything-gcp-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  network       = google_compute_network.main.id
  address       = cidrhost(cidrsubnet(var.network_cidr, 4, 1), 0)
  prefix_length = 20
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
  deletion_policy         = "ABANDON" # Google removes it with the last server, hours later

  depends_on = [google_project_service.required]
}

resource "google_compute_firewall" "services" {
  name               = "everything-gcp-services"
  network            = google_compute_network.main.id
  direction          = "EGRESS"
  priority           = 1000
  target_tags        = ["everything-gcp"]
  destination_ranges = ["${google_compute_global_address.services.address}/${google_compute_global_address.services.prefix_length}"]

  allow {
    protocol = "tcp"
    ports    = ["5432", "6378"]
  }
}
