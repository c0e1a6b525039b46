provider "aws" {
  region = var.region

  # Every resource can be found, and its cost told apart, by these.
  default_tags {
    tags = {
      Application = "medassistant"
      Environment = "primary"
      ManagedBy   = "terraform"
    }
  }
}
