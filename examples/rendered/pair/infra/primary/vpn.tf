# This half of the private way to secondary (gcp): two of its gateways, two tunnels to each,
# of which one is enough. Routes are exchanged (BGP), so a tunnel that falls is no longer used.
resource "aws_vpn_gateway" "this" {
  vpc_id          = aws_vpc.this.id
  amazon_side_asn = "64610"

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
  bgp_asn    = "64620"

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

  # A /30 of its own in 169.254.21.0/24 for the first gateway, 169.254.22.0/24 for the second: Azure's
  # gateways take no others.
  tunnel1_inside_cidr = cidrsubnet("169.254.${21 + count.index}.0/29", 1, 0)

  tunnel1_ike_versions                 = ["ikev2"]
  tunnel1_phase1_dh_group_numbers      = [14, 20]
  tunnel1_phase1_encryption_algorithms = ["AES256"]
  tunnel1_phase1_integrity_algorithms  = ["SHA2-256", "SHA2-384"]
  tunnel1_phase2_dh_group_numbers      = [14, 20]
  tunnel1_phase2_encryption_algorithms = ["AES256", "AES256-GCM-16"]
  tunnel1_phase2_integrity_algorithms  = ["SHA2-256", "SHA2-384"]


  # A /30 of its own in 169.254.21.0/24 for the first gateway, 169.254.22.0/24 for the second: Azure's
  # gateways take no others.
  tunnel2_inside_cidr = cidrsubnet("169.254.${21 + count.index}.0/29", 1, 1)

  tunnel2_ike_versions                 = ["ikev2"]
  tunnel2_phase1_dh_group_numbers      = [14, 20]
  tunnel2_phase1_encryption_algorithms = ["AES256"]
  tunnel2_phase1_integrity_algorithms  = ["SHA2-256", "SHA2-384"]
  tunnel2_phase2_dh_group_numbers      = [14, 20]
  tunnel2_phase2_encryption_algorithms = ["AES256", "AES256-GCM-16"]
  tunnel2_phase2_integrity_algorithms  = ["SHA2-256", "SHA2-384"]

  tags = { Name = "${local.name}-peer-${count.index}" }
}

resource "aws_cloudwatch_metric_alarm" "tunnels" {
  count = length(var.peer_addresses)

  alarm_name          = "${local.name}-tunnel-${count.index}"
  alarm_description   = "Both tunnels to one gateway of secondary are down."
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
