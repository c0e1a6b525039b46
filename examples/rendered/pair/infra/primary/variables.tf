variable "region" {
  description = "The region that everything is in."
  type        = string
  default     = "us-west-2"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region is written as in us-east-1."
  }
}

variable "vpc_cidr" {
  description = "The private addresses of the network: a /16 that overlaps no network it is ever connected with."
  type        = string
  default     = "10.10.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && endswith(var.vpc_cidr, "/16")
    error_message = "The addresses are a /16, as in 10.10.0.0/16."
  }
}

variable "log_retention_days" {
  description = "How many days logs are kept: a year at least, for what is noticed late. Most of a log's price is what goes in."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "alarm_emails" {
  description = "Who is told by e-mail when an alarm goes off that names nobody itself."
  type        = set(string)
  default = [
    "ops@example.com",
  ]

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Each must be an e-mail address."
  }
}

variable "internet_access" {
  description = "Whether tasks reach the internet, through NAT gateways; without it they reach AWS's own services only, through private endpoints."
  type        = bool
  default     = false
  nullable    = false
}

variable "repository" {
  description = "The repository on GitHub, as in owner/name, whose workflow may deploy; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "A repository is written as in owner/name."
  }
}

variable "github_oidc_provider_arn" {
  description = "The account's identity provider for GitHub's workflows, of which an account can have only one; null makes it here."
  type        = string
  default     = null
}

variable "pipeline" {
  description = "Whether CodePipeline builds and deploys the repository's main branch, instead of GitHub's workflow."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.pipeline || var.repository != null
    error_message = "The pipeline needs a repository."
  }
}

variable "peer_addresses" {
  description = "The public addresses of the two VPN gateways of secondary: an output there. Empty until they are known; the tunnels are made then."
  type        = list(string)
  default     = []

  validation {
    condition     = contains([0, 2], length(var.peer_addresses)) && alltrue([for one in var.peer_addresses : can(cidrhost("${one}/32", 0))])
    error_message = "There are two addresses, or none as yet."
  }
}

variable "peer_ipv4_addresses" {
  description = "The addresses under which secondary answers: an output there. Empty until they are known; nothing fails over before."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.peer_ipv4_addresses : can(cidrhost("${one}/32", 0))])
    error_message = "Each must be an IPv4 address."
  }
}
