# The private path to the database of {{ pair.other_folder }}: two gateways, tunnels that are encrypted, and
# routers that tell each other what is behind them (BGP), so that a tunnel that is lost is gone
# around within a minute.
resource "google_compute_ha_vpn_gateway" "peer" {
  name    = "{{ base }}"
  network = google_compute_network.main.id
  region  = var.region
}

resource "google_compute_router" "peer" {
  name    = "{{ base }}"
  network = google_compute_network.main.id
  region  = var.region

  bgp {
    asn            = {{ vpn.asn }}
    advertise_mode = "CUSTOM"

    # Only where the database is: the other side has no business elsewhere.
    advertised_ip_ranges {
      range       = "${google_compute_global_address.services.address}/${google_compute_global_address.services.prefix_length}"
      description = "database"
    }
  }
}

# The database's own network learns the way to the other side.
resource "google_compute_network_peering_routes_config" "services" {
  network              = google_compute_network.main.name
  peering              = google_service_networking_connection.services.peering
  export_custom_routes = true
  import_custom_routes = false
}
{% if vpn.peer_is_google %}

locals {
  # Both sides take the same link addresses: the primary the first of each pair, the standby the second.
  tunnels = var.peer_gateway == null ? {} : {
    for index in [0, 1] : tostring(index) => {
      gateway_interface   = index
      inside_address      = "169.254.{{ vpn.link_octet }}.${4 * index + {{ vpn.own_host }}}"
      peer_inside_address = "169.254.{{ vpn.link_octet }}.${4 * index + {{ vpn.other_host }}}"
      shared_secret       = var.peer_shared_secrets[index]
    }
  }
}
{% else %}

locals {
  tunnels = {
    for index, tunnel in var.peer_tunnels : tostring(index) => merge(tunnel, {
      # Which of this side's two gateways: each has one tunnel, or two to a side with four addresses.
      gateway_interface = floor(2 * index / length(var.peer_tunnels))
      peer_interface    = index
      shared_secret     = var.peer_shared_secrets[index]
    })
  }
}

resource "google_compute_external_vpn_gateway" "peer" {
  count = length(var.peer_tunnels) > 0 ? 1 : 0

  name            = "{{ base }}-peer"
  redundancy_type = length(var.peer_tunnels) == 4 ? "FOUR_IPS_REDUNDANCY" : "TWO_IPS_REDUNDANCY"

  dynamic "interface" {
    for_each = var.peer_tunnels

    content {
      id         = interface.key
      ip_address = interface.value.address
    }
  }
}
{% endif %}

resource "google_compute_vpn_tunnel" "peer" {
  for_each = local.tunnels

  name                  = "{{ base }}-${each.key}"
  region                = var.region
  router                = google_compute_router.peer.id
  ike_version           = 2
  shared_secret         = each.value.shared_secret
  vpn_gateway           = google_compute_ha_vpn_gateway.peer.id
  vpn_gateway_interface = each.value.gateway_interface
{% if vpn.peer_is_google %}
  peer_gcp_gateway      = var.peer_gateway
{% else %}

  peer_external_gateway           = google_compute_external_vpn_gateway.peer[0].id
  peer_external_gateway_interface = each.value.peer_interface
{% endif %}
}

resource "google_compute_router_interface" "peer" {
  for_each = local.tunnels

  name       = "{{ base }}-${each.key}"
  region     = var.region
  router     = google_compute_router.peer.name
  ip_range   = "${each.value.inside_address}/30"
  vpn_tunnel = google_compute_vpn_tunnel.peer[each.key].name
}

resource "google_compute_router_peer" "peer" {
  for_each = local.tunnels

  name            = "{{ base }}-${each.key}"
  region          = var.region
  router          = google_compute_router.peer.name
  interface       = google_compute_router_interface.peer[each.key].name
  peer_asn        = {{ vpn.peer_asn }}
  peer_ip_address = each.value.peer_inside_address
}
