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
