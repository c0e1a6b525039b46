resource "aws_ecr_repository" "this" {
  name = local.name

  # What a tag or digest names never changes: what was tested is what runs, and what ran before can
  # be brought back.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.this.arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 30 images: enough to go back to."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}

# Which image runs. Each deployment writes it here, so that a change of these files starts the same
# image again and not the first one. Only who may use the key can change what runs next.
resource "aws_ssm_parameter" "image" {
  name        = "/${local.name}/image"
  description = "The image that runs"
  type        = "SecureString"
  key_id      = aws_kms_key.this.arn
  value       = "${aws_ecr_repository.this.repository_url}{{ image.suffix }}"

  lifecycle {
    ignore_changes = [value]
  }
}

locals {
  # Everything in such a parameter is taken for a secret, which the name of an image is not: hidden,
  # it would hide the whole task definition in every plan.
  image = nonsensitive(aws_ssm_parameter.image.value)
}
{% if tracing %}

# The collector of traces comes from AWS's public registry, through our own: tasks have no other way
# to it. README.md says how it is brought there once.
resource "aws_ecr_pull_through_cache_rule" "public" {
  ecr_repository_prefix = "${local.name}-public"
  upstream_registry_url = "public.ecr.aws"
}
{% endif %}
