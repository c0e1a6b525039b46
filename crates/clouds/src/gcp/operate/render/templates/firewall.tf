# Cloud Armor. Each rule set is at its lowest sensitivity, which mistakes hardly any request of a
# user for an attack; raise it after a look at what it would have refused.
resource "google_compute_security_policy" "edge" {
  name = "{{ base }}"
  type = "CLOUD_ARMOR"

  # Learns what is usual and reports what floods.
  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable = true
    }
  }
{% for rule in firewall.rules %}

  rule {
    action      = "deny(403)"
    priority    = {{ rule.priority }}
    description = "{{ rule.description }}"

    match {
      expr {
        expression = "{{ rule.expression }}"
      }
    }
  }
{% endfor %}

  rule {
    action      = "throttle"
    priority    = 2000
    description = "no address asks more than {{ firewall.requests_per_minute }} times a minute"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = {{ firewall.requests_per_minute }}
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "everybody else"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.required]
}
