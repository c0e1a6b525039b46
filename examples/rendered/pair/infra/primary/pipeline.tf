# The same deployment by AWS's own means, for those who want it (`pipeline = true`): CodePipeline
# takes each commit of the main branch, CodeBuild does what buildspec.yml says, ECS replaces the tasks.
locals {
  pipeline = var.pipeline ? toset(["this"]) : toset([])
}

# Somebody has to allow this connection once, in the console of CodePipeline.
resource "aws_codeconnections_connection" "this" {
  for_each = local.pipeline

  name          = local.name
  provider_type = "GitHub"
}

resource "aws_s3_bucket" "pipeline" {
  #checkov:skip=CKV_AWS_144:What a build hands to the next stage is gone after a week.
  for_each = local.pipeline

  bucket = "${local.name}-pipeline-${local.account_id}"
}

resource "aws_s3_bucket_public_access_block" "pipeline" {
  for_each = aws_s3_bucket.pipeline

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "pipeline" {
  for_each = aws_s3_bucket.pipeline

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "pipeline" {
  for_each = aws_s3_bucket.pipeline

  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "pipeline" {
  for_each = aws_s3_bucket.pipeline

  bucket = each.value.id

  rule {
    id     = "forget"
    status = "Enabled"

    filter {}

    expiration {
      days = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_logging" "pipeline" {
  for_each = aws_s3_bucket.pipeline

  bucket        = each.value.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "pipeline/"
}

resource "aws_s3_bucket_notification" "pipeline" {
  for_each = aws_s3_bucket.pipeline

  bucket      = each.value.id
  eventbridge = true
}

resource "aws_codebuild_project" "this" {
  for_each = local.pipeline

  name           = local.name
  description    = "Builds and pushes the image of ${local.name}"
  service_role   = aws_iam_role.build[each.key].arn
  encryption_key = aws_kms_key.this.arn
  build_timeout  = 30

  source {
    type      = "CODEPIPELINE"
    buildspec = "infra/primary/buildspec.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type         = "LINUX_CONTAINER"
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/amazonlinux-x86_64-standard:5.0"

    # The container engine is a machine beside the build, which keeps layers for the next one: the
    # build itself needs no privileges.
    docker_server {
      compute_type = "BUILD_GENERAL1_SMALL"
    }

    environment_variable {
      name  = "REPOSITORY_URL"
      value = aws_ecr_repository.this.repository_url
    }

    environment_variable {
      name  = "IMAGE_PARAMETER"
      value = aws_ssm_parameter.image.name
    }

    environment_variable {
      name  = "IMAGE_KEY"
      value = aws_kms_key.this.arn
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.pipeline[each.key].name
    }
  }
}

resource "aws_cloudwatch_log_group" "pipeline" {
  for_each = local.pipeline

  name              = "/aws/codebuild/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_codepipeline" "this" {
  for_each = local.pipeline

  name          = local.name
  role_arn      = aws_iam_role.pipeline[each.key].arn
  pipeline_type = "V2"

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.pipeline[each.key].bucket

    encryption_key {
      type = "KMS"
      id   = aws_kms_key.this.arn
    }
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["source"]

      configuration = {
        ConnectionArn    = aws_codeconnections_connection.this[each.key].arn
        FullRepositoryId = var.repository
        BranchName       = "main"
      }
    }
  }

  stage {
    name = "Build"

    action {
      name             = "Build"
      category         = "Build"
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
      input_artifacts  = ["source"]
      output_artifacts = ["image"]

      configuration = {
        ProjectName = aws_codebuild_project.this[each.key].name
      }
    }
  }

  stage {
    name = "Deploy"

    action {
      name            = "Deploy"
      category        = "Deploy"
      owner           = "AWS"
      provider        = "ECS"
      version         = "1"
      input_artifacts = ["image"]

      configuration = {
        ClusterName = aws_ecs_cluster.this.name
        ServiceName = aws_ecs_service.this.name
        FileName    = "imagedefinitions.json"
      }
    }
  }
}

resource "aws_iam_role" "build" {
  for_each = local.pipeline

  name = "${local.name}-build"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codebuild.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "build" {
  for_each = local.pipeline

  name = "build"
  role = aws_iam_role.build[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SignIn"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*" # it belongs to no repository
      },
      {
        Sid      = "Push"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
        Resource = aws_ecr_repository.this.arn
      },
      {
        Sid      = "Remember"
        Effect   = "Allow"
        Action   = "ssm:PutParameter"
        Resource = aws_ssm_parameter.image.arn
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.pipeline[each.key].arn}:*"
      },
      {
        Sid      = "Artifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        Resource = "${aws_s3_bucket.pipeline[each.key].arn}/*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        Resource = aws_kms_key.this.arn
      },
    ]
  })
}

resource "aws_iam_role" "pipeline" {
  for_each = local.pipeline

  name = "${local.name}-pipeline"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codepipeline.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "pipeline" {
  for_each = local.pipeline

  name = "deploy"
  role = aws_iam_role.pipeline[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Source" # the service was called CodeStar before, and is asked under both names
        Effect   = "Allow"
        Action   = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
        Resource = aws_codeconnections_connection.this[each.key].arn
      },
      {
        Sid      = "Build"
        Effect   = "Allow"
        Action   = ["codebuild:StartBuild", "codebuild:BatchGetBuilds"]
        Resource = aws_codebuild_project.this[each.key].arn
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["ecs:DescribeTaskDefinition"]
        Resource = "*" # reading a definition can not be bounded
      },
      {
        Sid      = "Register"
        Effect   = "Allow"
        Action   = ["ecs:RegisterTaskDefinition", "ecs:TagResource"]
        Resource = "${aws_ecs_task_definition.this.arn_without_revision}:*"
      },
      {
        Sid      = "Deploy"
        Effect   = "Allow"
        Action   = ["ecs:UpdateService", "ecs:DescribeServices", "ecs:DescribeTasks"]
        Resource = [aws_ecs_service.this.id, "arn:${local.partition}:ecs:${var.region}:${local.account_id}:task/${local.name}/*"]
      },
      {
        Sid       = "List" # of tasks that are not known yet no resource can be named
        Effect    = "Allow"
        Action    = "ecs:ListTasks"
        Resource  = "*"
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
      },
      {
        Sid       = "Roles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.task.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "Artifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        Resource = "${aws_s3_bucket.pipeline[each.key].arn}/*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = aws_kms_key.this.arn
      },
    ]
  })
}
