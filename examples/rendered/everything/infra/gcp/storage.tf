resource "google_storage_bucket" "application" {
  # checkov:skip=CKV_GCP_62: reads and writes are in the audit log (apis.tf), which nobody can delete.
  for_each = {
    "documents" = "${var.project_id}-everything-gcp-documents"
    "exports"   = "${var.project_id}-everything-gcp-exports"
  }

  # All buckets of the world share their names; project IDs are unique already.
  name     = each.value
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  # What is deleted with its versions can be brought back for a week.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # What is not read moves to cheaper storage by itself, and back without a fee when it is.
  autoclass {
    enabled                = true
    terminal_storage_class = "NEARLINE"
  }

  # Old versions are there to undo a mistake, not for ever.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
  }

  # Uploads that were broken off are paid for too.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.required]
}

# Only these buckets: reading, writing and listing objects.
resource "google_storage_bucket_iam_member" "application" {
  for_each = google_storage_bucket.application

  bucket = each.value.name
  role   = "roles/storage.objectUser"
  member = google_service_account.application.member
}
