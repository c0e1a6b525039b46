data "google_project" "this" {
  project_id = var.project_id
}

resource "google_monitoring_notification_channel" "budget" {
  display_name = "everything: budget"
  type         = "email"

  labels = {
    email_address = "finance@example.com"
  }

  depends_on = [google_project_service.required]
}

# A budget tells, it does not stop anything. It counts all of the project: not everything that is
# billed carries labels.
resource "google_billing_budget" "monthly" {
  billing_account = var.billing_account
  display_name    = "everything-gcp"

  budget_filter {
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      currency_code = "USD"
      units         = "2000"
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }

  threshold_rules {
    threshold_percent = 0.9
  }

  threshold_rules {
    threshold_percent = 1.0
  }

  # In time to do something about it.
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.budget.id]
  }

  depends_on = [google_project_service.required]
}
