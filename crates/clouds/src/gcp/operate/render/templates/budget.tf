data "google_project" "this" {
  project_id = var.project_id
}
{% if budget.notify %}

resource "google_monitoring_notification_channel" "budget" {
  display_name = "{{ name }}: budget"
  type         = "email"

  labels = {
    email_address = "{{ budget.notify }}"
  }

  depends_on = [google_project_service.required]
}
{% endif %}

# A budget tells, it does not stop anything. It counts all of the project: not everything that is
# billed carries labels.
resource "google_billing_budget" "monthly" {
  billing_account = var.billing_account
  display_name    = "{{ base }}"

  budget_filter {
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      currency_code = "USD"
      units         = "{{ budget.monthly_usd }}"
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
{% if budget.notify %}

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.budget.id]
  }
{% endif %}

  depends_on = [google_project_service.required]
}
