# One key for all that this environment keeps. It is ours rather than AWS's, so that its use can be
# seen and taken away; AWS makes new material for it every year.
resource "aws_kms_key" "this" {
  description             = "Data of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # The policy of a key speaks of that key alone, which is called * in it.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administrators" # or nobody could ever change the key again
        Effect    = "Allow"
        Action    = "kms:*"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:*" }
        }
      },
      {
        Sid       = "Notifications" # alarms and budgets publish to encrypted topics
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

# A key serves its own region alone, and what is global (the name) logs in this one.
resource "aws_kms_key" "global" {
  region = "us-east-1"

  description             = "Logs and alarms of ${local.name} in us-east-1"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administrators" # or nobody could ever change the key again
        Effect    = "Allow"
        Action    = "kms:*"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Principal = { Service = "logs.us-east-1.amazonaws.com" }
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:us-east-1:${local.account_id}:log-group:*" }
        }
      },
      {
        Sid       = "Notifications" # alarms publish to an encrypted topic
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_kms_alias" "global" {
  region = "us-east-1"

  name          = "alias/${local.name}-global"
  target_key_id = aws_kms_key.global.key_id
}
