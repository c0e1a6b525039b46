resource "aws_dynamodb_table" "sessions" {
  name         = "${local.name}-sessions"
  billing_mode = "PAY_PER_REQUEST" # grows and shrinks with the users
  hash_key     = "session_id"

  deletion_protection_enabled = true

  attribute {
    name = "session_id"
    type = "S"
  }

  # A session lives 1800 seconds unless the application says otherwise; DynamoDB takes it away within
  # days of its end, so readers look at the time too.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  # Any second of the last 35 days can be brought back.
  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }

  # What global tables are copied by.
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  # secondary finds the same sessions when it takes over.
  dynamic "replica" {
    for_each = var.peer_key_arn == null ? [] : [var.peer_key_arn]

    content {
      region_name                 = "us-west-2"
      kms_key_arn                 = replica.value
      point_in_time_recovery      = true
      deletion_protection_enabled = true
      propagate_tags              = true
    }
  }
}

locals {
  sessions_arn = aws_dynamodb_table.sessions.arn
}
