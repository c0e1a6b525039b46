# The table of primary is here too (a global table): it is made there.
locals {
  sessions_arn = "arn:${local.partition}:dynamodb:${var.region}:${local.account_id}:table/medassistant-primary-sessions"
}
