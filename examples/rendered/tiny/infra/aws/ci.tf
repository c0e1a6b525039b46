# How GitHub's workflow gets in: with a token that GitHub signs for each run, so that there is no key
# that could be stolen.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.repository != null && var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  github_oidc_provider_arn = one(concat(compact([var.github_oidc_provider_arn]), aws_iam_openid_connect_provider.github[*].arn))
}

resource "aws_iam_role" "deploy" {
  count = var.repository == null ? 0 : 1

  name                 = "${local.name}-deploy"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.github_oidc_provider_arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          # This repository, and of it only jobs of this environment, which GitHub can be told to
          # protect.
          "token.actions.githubusercontent.com:sub" = "repo:${var.repository}:environment:aws"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  count = var.repository == null ? 0 : 1

  name   = "deploy"
  role   = aws_iam_role.deploy[0].id
  policy = local.deploy_policy
}

# What a deployment does: push an image, register the task with it, and have the service run it.
locals {
  deploy_policy = jsonencode({
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
        Action   = ["ecs:UpdateService", "ecs:DescribeServices"]
        Resource = aws_ecs_service.this.id
      },
      {
        Sid      = "Remember"
        Effect   = "Allow"
        Action   = "ssm:PutParameter"
        Resource = aws_ssm_parameter.image.arn
      },
      {
        Sid       = "Encrypt" # what is remembered, and nothing else
        Effect    = "Allow"
        Action    = "kms:Encrypt"
        Resource  = aws_kms_key.this.arn
        Condition = { StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" } }
      },
      {
        Sid       = "Roles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.task.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ]
  })
}
