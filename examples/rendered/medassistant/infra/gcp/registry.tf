# Where the workflow pushes what it builds. Images are scanned for known weaknesses when they arrive.
resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: Google's own keys encrypt it; see README.md for keys of your own.
  repository_id = "medassistant-gcp"
  location      = var.region
  description   = "Images of medassistant."
  format        = "DOCKER"

  docker_config {
    # A tag that was tested is the image that was tested.
    immutable_tags = true
  }

  # What may be needed to go back is kept; the rest would be paid for for ever.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      older_than = "7776000s" # 90 days
    }
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  depends_on = [google_project_service.required]
}

# Cloud Run pulls from Artifact Registry alone: this one fetches from ghcr.io, and keeps what it
# fetched, so that instances also start while ghcr.io is down.
resource "google_artifact_registry_repository" "upstream" {
  # checkov:skip=CKV_GCP_84: Google's own keys encrypt it; see README.md for keys of your own.
  repository_id = "medassistant-gcp-upstream"
  location      = var.region
  description   = "Images of ghcr.io."
  format        = "DOCKER"
  mode          = "REMOTE_REPOSITORY"

  remote_repository_config {
    docker_repository {
      custom_repository {
        uri = "https://ghcr.io"
      }
    }
  }

  depends_on = [google_project_service.required]
}
