# The private way to primary, on AWS too: the networks are connected, over AWS's own lines and
# encrypted.
resource "aws_vpc_peering_connection_accepter" "this" {
  count = var.peering_connection_id == null ? 0 : 1

  vpc_peering_connection_id = var.peering_connection_id
  auto_accept               = true

  tags = { Name = local.name }
}

locals {
  peering_connections = aws_vpc_peering_connection_accepter.this[*].id
}

resource "aws_route" "peer" {
  for_each = length(local.peering_connections) == 0 ? {} : local.zones

  route_table_id            = aws_route_table.private[each.key].id
  destination_cidr_block    = "10.10.0.0/16"
  vpc_peering_connection_id = local.peering_connections[0]
}

# Each database streams its changes to the other, this way and no other.
resource "aws_vpc_security_group_ingress_rule" "database_peer" {
  security_group_id = aws_security_group.database.id
  description       = "The database of primary"
  cidr_ipv4         = "10.10.0.0/16"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}

resource "aws_vpc_security_group_egress_rule" "database_peer" {
  security_group_id = aws_security_group.database.id
  description       = "The database of primary"
  cidr_ipv4         = "10.10.0.0/16"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}
