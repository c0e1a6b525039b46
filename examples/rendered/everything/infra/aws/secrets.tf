# The places of the secrets. What they hold is given to Secrets Manager itself (README.md).
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Only who gave out a key can make a new one; the application reads it at its next start.
  for_each = local.secrets

  name                    = "${local.name}/${each.key}"
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = 30
}
