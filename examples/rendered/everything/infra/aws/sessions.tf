resource "aws_dynamodb_table" "sessions" {
  name         = "${local.name}-sessions"
  billing_mode = "PAY_PER_REQUEST" # grows and shrinks with the users
  hash_key     = "session_id"

  deletion_protection_enabled = true

  attribute {
    name = "session_id"
    type = "S"
  }

  # A session lives 7200 seconds unless the application says otherwise; DynamoDB takes it away within
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
}

locals {
  sessions_arn = aws_dynamodb_table.sessions.arn
}
