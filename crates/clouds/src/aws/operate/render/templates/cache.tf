resource "aws_elasticache_subnet_group" "this" {
  name       = local.name
  subnet_ids = [for subnet in aws_subnet.private : subnet.id]
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:A token would stand in the state; only tasks of the application reach the cache, over TLS.
  replication_group_id = local.name
  description          = "The cache of ${local.name}"
  engine               = "valkey"
  engine_version       = "8.0"
  node_type            = "{{ cache.node }}" # {{ cache.node_gb }} GB
  port                 = 6379

{% if cache.replicas %}
  # A second node in another zone takes over.
  num_cache_clusters         = {{ cache.nodes }}
  automatic_failover_enabled = true
  multi_az_enabled           = true
{% else %}
  num_cache_clusters         = 1
  automatic_failover_enabled = false
{% endif %}

  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.cache.id]
  transit_encryption_enabled = true
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn

  auto_minor_version_upgrade = true
  maintenance_window         = "sun:04:00-sun:05:00"
}
