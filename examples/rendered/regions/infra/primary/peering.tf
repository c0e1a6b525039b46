# The private way to secondary, on AWS too: the networks are connected, over AWS's own lines and
# encrypted.
resource "aws_vpc_peering_connection" "this" {
  count = var.peer_vpc_id == null ? 0 : 1

  vpc_id      = aws_vpc.this.id
  peer_vpc_id = var.peer_vpc_id
  peer_region = "us-west-2"
  auto_accept = false

  tags = { Name = local.name }
}

locals {
  peering_connections = aws_vpc_peering_connection.this[*].id
}

resource "aws_route" "peer" {
  for_each = length(local.peering_connections) == 0 ? {} : local.zones

  route_table_id            = aws_route_table.private[each.key].id
  destination_cidr_block    = "10.20.0.0/16"
  vpc_peering_connection_id = local.peering_connections[0]
}

# Each database streams its changes to the other, this way and no other.
resource "aws_vpc_security_group_ingress_rule" "database_peer" {
  security_group_id = aws_security_group.database.id
  description       = "The database of secondary"
  cidr_ipv4         = "10.20.0.0/16"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}

resource "aws_vpc_security_group_egress_rule" "database_peer" {
  security_group_id = aws_security_group.database.id
  description       = "The database of secondary"
  cidr_ipv4         = "10.20.0.0/16"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
}
