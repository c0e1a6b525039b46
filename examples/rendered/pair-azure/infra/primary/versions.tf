terraform {
  # Write-only arguments (1.11) keep passwords out of the state.
  required_version = "~> 1.11"

  # Terraform writes the exact versions to .terraform.lock.hcl: keep that file with these.
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # The state lies in a bucket, which locks it while it is changed. The bucket's name comes with
  # `terraform init`, see README.md.
  backend "gcs" {
    prefix = "medassistant/primary"
  }
}
