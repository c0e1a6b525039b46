resource "google_monitoring_notification_channel" "email" {
  for_each = var.alarm_emails

  display_name = each.value
  type         = "email"

  labels = {
    email_address = each.value
  }

  depends_on = [google_project_service.required]
}

locals {
  alarm_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
}

# Asks from several continents, each minute, whether users are served.
resource "google_monitoring_uptime_check_config" "ready" {
  display_name = "tiny-gcp"
  period       = "60s"
  timeout      = "10s"

  http_check {
    path         = "/ready"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.project_id
      host       = trimprefix(google_cloud_run_v2_service.application.uri, "https://")
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "unreachable" {
  display_name          = "tiny-gcp: not reachable"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "two places of the world get no answer"

    condition_threshold {
      filter          = "resource.type=\"uptime_url\" AND metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.ready.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    content = "Two places or more get no answer from tiny in gcp."
  }
}

resource "google_monitoring_alert_policy" "usual_error_rate" {
  display_name          = "tiny-gcp: error-rate"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "error_rate is above 5 for 2 x 5m"

    condition_threshold {
      filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"tiny-gcp\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""

      # The share of these among all requests.
      denominator_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"tiny-gcp\" AND metric.type=\"run.googleapis.com/request_count\""

      comparison      = "COMPARISON_GT"
      threshold_value = 0.05
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }

      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "tiny: error_rate is above 5 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "usual_response_time" {
  display_name          = "tiny-gcp: response-time"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "response_time is above 5000 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"tiny-gcp\" AND metric.type=\"run.googleapis.com/request_latencies\""
      comparison      = "COMPARISON_GT"
      threshold_value = 5000
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_PERCENTILE_99"
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }

  documentation {
    content = "tiny: response_time is above 5000 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}
