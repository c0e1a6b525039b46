# This half of the private way to {{ vpn.other }} ({{ vpn.other_cloud }}): two of its gateways, two tunnels to each,
# of which one is enough. Routes are exchanged (BGP), so a tunnel that falls is no longer used.
resource "aws_vpn_gateway" "this" {
  vpc_id          = aws_vpc.this.id
  amazon_side_asn = "{{ vpn.asn }}"

  tags = { Name = local.name }
}

resource "aws_vpn_gateway_route_propagation" "this" {
  for_each = aws_route_table.private

  vpn_gateway_id = aws_vpn_gateway.this.id
  route_table_id = each.value.id
}

resource "aws_customer_gateway" "peer" {
  count = length(var.peer_addresses)

  type       = "ipsec.1"
  ip_address = var.peer_addresses[count.index]
  bgp_asn    = "{{ vpn.other_asn }}"

  tags = { Name = "${local.name}-peer-${count.index}" }
}

resource "aws_vpn_connection" "peer" {
  count = length(var.peer_addresses)

  type                = "ipsec.1"
  vpn_gateway_id      = aws_vpn_gateway.this.id
  customer_gateway_id = aws_customer_gateway.peer[count.index].id
  static_routes_only  = false

  # AWS makes the keys of the tunnels and keeps them where secrets are kept.
  preshared_key_storage = "SecretsManager"

{% for tunnel in [1, 2] %}
  # A /30 of its own in 169.254.21.0/24 for the first gateway, 169.254.22.0/24 for the second: Azure's
  # gateways take no others.
  tunnel{{ tunnel }}_inside_cidr = cidrsubnet("169.254.${21 + count.index}.0/29", 1, {{ loop.index0 }})

  tunnel{{ tunnel }}_ike_versions                 = ["ikev2"]
  tunnel{{ tunnel }}_phase1_dh_group_numbers      = [14, 20]
  tunnel{{ tunnel }}_phase1_encryption_algorithms = ["AES256"]
  tunnel{{ tunnel }}_phase1_integrity_algorithms  = ["SHA2-256", "SHA2-384"]
  tunnel{{ tunnel }}_phase2_dh_group_numbers      = [14, 20]
  tunnel{{ tunnel }}_phase2_encryption_algorithms = ["AES256", "AES256-GCM-16"]
  tunnel{{ tunnel }}_phase2_integrity_algorithms  = ["SHA2-256", "SHA2-384"]

{% if not loop.last %}

{% endif %}
{% endfor %}
  tags = { Name = "${local.name}-peer-${count.index}" }
}

resource "aws_cloudwatch_metric_alarm" "tunnels" {
  count = length(var.peer_addresses)

  alarm_name          = "${local.name}-tunnel-${count.index}"
  alarm_description   = "Both tunnels to one gateway of {{ vpn.other }} are down."
  comparison_operator = "LessThanThreshold"
  threshold           = 0.5
  evaluation_periods  = 3
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  namespace   = "AWS/VPN"
  metric_name = "TunnelState"
  dimensions  = { VpnId = aws_vpn_connection.peer[count.index].id }
  period      = 300
  statistic   = "Maximum"
}
