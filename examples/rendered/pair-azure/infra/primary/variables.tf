variable "project_id" {
  description = "The project in which everything is made."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project's ID has 6 to 30 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "The region in which everything is made."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is written as in us-central1."
  }
}

variable "image" {
  description = "The image of the first start; from then on the workflow in .github deploys."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image)) || can(regex(":[A-Za-z0-9_][A-Za-z0-9_.-]*$", var.image)) && !can(regex(":latest$", var.image))
    error_message = "The image has a digest (@sha256:...) or a fixed tag, so that every instance runs the same."
  }
}

variable "github_repository" {
  description = "The repository whose workflow may deploy, as OWNER/NAME."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "A repository is written as OWNER/NAME."
  }
}

variable "github_branch" {
  description = "The branch whose workflow may deploy."
  type        = string
  default     = "main"
}

variable "alarm_emails" {
  description = "Who is told of alarms, besides those whom the specification names."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "Each is an e-mail address."
  }
}

variable "network_cidr" {
  description = "The private addresses of the network: a /16, which no network that is connected to it may use."
  type        = string
  default     = "10.10.0.0/16"

  validation {
    condition     = can(cidrhost(var.network_cidr, 0)) && endswith(var.network_cidr, "/16")
    error_message = "The network is written as in 10.10.0.0/16."
  }
}

variable "database_instance" {
  description = "The name of the database server. Google keeps the name of a deleted server for a week: choose another to make it anew sooner."
  type        = string
  default     = "medassistant-primary"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,78}[a-z0-9])?$", var.database_instance))
    error_message = "A server's name has lower-case letters, digits and hyphens, a letter first, at most 80."
  }
}

variable "database_password_version" {
  description = "Raise it to give the application's role in the database a new password."
  type        = number
  default     = 1

  validation {
    condition     = var.database_password_version >= 1 && floor(var.database_password_version) == var.database_password_version
    error_message = "The version is a whole number from 1."
  }
}

variable "peer_dns_records" {
  description = "Records that secondary needs in this zone, such as those that prove to its cloud whose the domain is."
  type = list(object({
    name = string
    type = string
    data = list(string)
  }))
  default = []
}

variable "peer_tunnels" {
  description = "The tunnels of secondary, from its outputs: the public address of each, and the addresses of both ends inside. Without them there are no tunnels yet."
  type = list(object({
    address             = string # the other side's public address
    inside_address      = string # this side's address inside the tunnel
    peer_inside_address = string # the other side's address inside the tunnel
  }))
  default = []

  validation {
    condition     = contains([0, 2, 4], length(var.peer_tunnels))
    error_message = "There are two tunnels, or four to a side with four addresses; or none as yet."
  }
}

variable "peer_shared_secrets" {
  description = "The secret of each tunnel, in the same order: from 20 characters. Set it as TF_VAR_peer_shared_secrets and write it nowhere."
  type        = list(string)
  default     = []
  sensitive   = true
}
