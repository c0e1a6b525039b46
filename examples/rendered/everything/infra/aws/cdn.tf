data "aws_cloudfront_cache_policy" "as_the_application_says" {
  name = "UseOriginCacheControlHeaders-QueryStrings"
}

data "aws_cloudfront_origin_request_policy" "everything" {
  name = "Managed-AllViewer"
}

data "aws_cloudfront_response_headers_policy" "security" {
  name = "Managed-SecurityHeadersPolicy"
}

# The way from the edge to the load balancer, which has no public address: nobody goes round the
# content delivery network, nor round its firewall.
resource "aws_cloudfront_vpc_origin" "this" {
  vpc_origin_endpoint_config {
    name                   = local.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
}

# Answers near the users. What is kept, and for how long, the application says with Cache-Control:
# without it nothing is.
resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:The log below is the newer kind, which this check does not know.
  #checkov:skip=CKV_AWS_305:An application answers for its root itself.
  #checkov:skip=CKV_AWS_310:One load balancer over several zones is the origin; the second environment takes over by DNS.
  #checkov:skip=CKV_AWS_374:The specification excludes no country.
  comment         = local.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_All"
  aliases         = ["app.example.com"]
  web_acl_id      = aws_wafv2_web_acl.this.arn

  origin {
    origin_id   = "load-balancer"
    domain_name = "origin.app.example.com"

    vpc_origin_config {
      vpc_origin_id       = aws_cloudfront_vpc_origin.this.id
      origin_read_timeout = 60
    }
  }

  default_cache_behavior {
    target_origin_id           = "load-balancer"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.as_the_application_says.id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.everything.id
    response_headers_policy_id = data.aws_cloudfront_response_headers_policy.security.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.this.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_cloudwatch_log_delivery_source" "cdn" {
  region = "us-east-1"

  name         = "${local.name}-cdn"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
}

resource "aws_cloudwatch_log_delivery_destination" "cdn" {
  region = "us-east-1"

  name          = "${local.name}-cdn"
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = "${aws_s3_bucket.logs.arn}/cdn"
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_cloudwatch_log_delivery" "cdn" {
  region = "us-east-1"

  delivery_source_name     = aws_cloudwatch_log_delivery_source.cdn.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.cdn.arn
}
