# What was asked and answered, request by request.
resource "aws_s3_bucket" "logs" {
  #checkov:skip=CKV_AWS_18:A bucket of logs that logs into itself grows for ever.
  #checkov:skip=CKV_AWS_144:Logs are not needed to go on elsewhere.
  #checkov:skip=CKV_AWS_145:The load balancer writes only to buckets with Amazon's own key.
  bucket = "${local.name}-logs-${local.account_id}"
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "forget"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

# Who reads logs as they come (a search, an alarm of the company's own) is told of each file.
resource "aws_s3_bucket_notification" "logs" {
  bucket      = aws_s3_bucket.logs.id
  eventbridge = true
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LoadBalancer"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Resource  = "${aws_s3_bucket.logs.arn}/load-balancer/AWSLogs/${local.account_id}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
      {
        Sid       = "Buckets"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Resource  = "${aws_s3_bucket.logs.arn}/buckets/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
      {
        Sid       = "Pipeline"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Resource  = "${aws_s3_bucket.logs.arn}/pipeline/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Action    = "s3:*"
        Principal = "*"
        Resource  = [aws_s3_bucket.logs.arn, "${aws_s3_bucket.logs.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.logs]
}
