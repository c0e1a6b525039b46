data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  # By name, so that subnets stay where they are when the region gets another zone.
  filter {
    name   = "zone-name"
    values = [for letter in ["a", "b", "c", "d", "e", "f"] : "${var.region}${letter}"]
  }

  # Local zones and the like have to be asked for, and lack some of the services used here.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  # The beginning of every name: short enough for the load balancer's limit of 32 characters.
  name       = "medassistant-secondary"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # The zones by number: 2 of the region's.
  zones = {
    a = 0
    b = 1
  }

  # The names of buckets are unique in the world: the account's number makes them so.
  buckets = {
    "documents" = "medassistant-secondary-documents-${local.account_id}"
  }
}
