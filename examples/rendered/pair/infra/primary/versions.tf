terraform {
  # 1.10 is the first that locks a state in S3 without a table beside it.
  required_version = ">= 1.10, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # The state is kept away from this machine, encrypted, and locked while it is written. Its bucket
  # belongs to the account, not to this application: README.md says how it is named.
  backend "s3" {
    key          = "medassistant/primary/terraform.tfstate"
    region       = "us-west-2"
    encrypt      = true
    use_lockfile = true
  }
}
