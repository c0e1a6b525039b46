# One group for each part, and one rule for each way that is used: what is not here is closed.
resource "aws_security_group" "load_balancer" {
  name        = "${local.name}-lb"
  description = "The load balancer"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-lb" }
}

resource "aws_security_group" "service" {
  name        = "${local.name}-service"
  description = "The tasks of the application"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-service" }
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "The private endpoints of services of AWS"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-endpoints" }
}

# The addresses from which CloudFront comes, also into a network.
data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_https" {
  security_group_id = aws_security_group.load_balancer.id
  description       = "The content delivery network"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_service" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "The application"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

resource "aws_vpc_security_group_ingress_rule" "service_load_balancer" {
  security_group_id            = aws_security_group.service.id
  description                  = "The load balancer"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

resource "aws_vpc_security_group_egress_rule" "service_endpoints" {
  security_group_id            = aws_security_group.service.id
  description                  = "Services of AWS"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_service" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "The application"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "service_s3" {
  security_group_id = aws_security_group.service.id
  description       = "Layers of images, and the buckets"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "service_dynamodb" {
  security_group_id = aws_security_group.service.id
  description       = "The sessions"
  prefix_list_id    = aws_vpc_endpoint.dynamodb.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "service_internet" {
  count = var.internet_access ? 1 : 0

  security_group_id = aws_security_group.service.id
  description       = "Services elsewhere, by HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "The database"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-database" }
}

resource "aws_vpc_security_group_egress_rule" "service_database" {
  security_group_id            = aws_security_group.service.id
  description                  = "The database"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_ingress_rule" "database_service" {
  security_group_id            = aws_security_group.database.id
  description                  = "The application"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_security_group" "cache" {
  name        = "${local.name}-cache"
  description = "The cache"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-cache" }
}

resource "aws_vpc_security_group_egress_rule" "service_cache" {
  security_group_id            = aws_security_group.service.id
  description                  = "The cache"
  referenced_security_group_id = aws_security_group.cache.id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_vpc_security_group_ingress_rule" "cache_service" {
  security_group_id            = aws_security_group.cache.id
  description                  = "The application"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}
