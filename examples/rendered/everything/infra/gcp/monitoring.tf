resource "google_monitoring_notification_channel" "told_1" {
  display_name = "https://hooks.example.com/alarm"
  type         = "webhook_tokenauth"

  labels = {
    url = "https://hooks.example.com/alarm"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_notification_channel" "told_2" {
  display_name = "ops@example.com"
  type         = "email"

  labels = {
    email_address = "ops@example.com"
  }

  depends_on = [google_project_service.required]
}

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
  display_name = "everything-gcp"
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
      host       = "app.example.com"
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "unreachable" {
  display_name          = "everything-gcp: not reachable"
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
    content = "Two places or more get no answer from everything in gcp."
  }
}

resource "google_monitoring_alert_policy" "alarm_connections" {
  display_name          = "everything-gcp: connections"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "database_connections is above 80 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloudsql_database\" AND metric.type=\"cloudsql.googleapis.com/database/postgresql/num_backends\" AND resource.labels.database_id=\"${var.project_id}:${google_sql_database_instance.main.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 80
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "everything: database_connections is above 80 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_cpu" {
  display_name          = "everything-gcp: cpu"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = concat([google_monitoring_notification_channel.told_1.id], local.alarm_channels)

  conditions {
    display_name = "cpu is above 80 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/container/cpu/utilizations\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.8
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_MEAN"
      }
    }
  }

  documentation {
    content = "everything: cpu is above 80 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_database_cpu" {
  display_name          = "everything-gcp: database-cpu"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "database_cpu is above 80 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloudsql_database\" AND metric.type=\"cloudsql.googleapis.com/database/cpu/utilization\" AND resource.labels.database_id=\"${var.project_id}:${google_sql_database_instance.main.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.8
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = "REDUCE_MEAN"
      }
    }
  }

  documentation {
    content = "everything: database_cpu is above 80 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_database_disk" {
  display_name          = "everything-gcp: database-disk"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "database_disk is above 80 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloudsql_database\" AND metric.type=\"cloudsql.googleapis.com/database/disk/utilization\" AND resource.labels.database_id=\"${var.project_id}:${google_sql_database_instance.main.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.8
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = "REDUCE_MEAN"
      }
    }
  }

  documentation {
    content = "everything: database_disk is above 80 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_errors" {
  display_name          = "everything-gcp: errors"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = concat([google_monitoring_notification_channel.told_2.id], local.alarm_channels)

  conditions {
    display_name = "error_rate is above 1.5 for 2 x 5m"

    condition_threshold {
      filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""

      # The share of these among all requests.
      denominator_filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/request_count\""

      comparison      = "COMPARISON_GT"
      threshold_value = 0.015
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
    content = "everything: error_rate is above 1.5 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_instances" {
  display_name          = "everything-gcp: instances"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "instances is at or above 18 for 2 x 5m"

    condition_threshold {
      filter     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/container/instance_count\""
      comparison = "COMPARISON_GT"
      # "At the threshold or above": the API knows only above, so this is the next number below it.
      threshold_value = 17.999999999999996
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "everything: instances is at or above 18 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_memory" {
  display_name          = "everything-gcp: memory"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alarm_channels

  conditions {
    display_name = "memory is above 85 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/container/memory/utilizations\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0.85
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_MEAN"
      }
    }
  }

  documentation {
    content = "everything: memory is above 85 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_quiet" {
  display_name          = "everything-gcp: quiet"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = concat([google_monitoring_notification_channel.told_2.id], local.alarm_channels)

  conditions {
    display_name = "requests is below 1 for 3 x 10m"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/request_count\""
      comparison      = "COMPARISON_LT"
      threshold_value = 1
      duration        = "1200s"

      # No requests are no values at all, and below every threshold.
      evaluation_missing_data = "EVALUATION_MISSING_DATA_ACTIVE"

      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content = "everything: requests is below 1 for 3 x 10m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "alarm_slow" {
  display_name          = "everything-gcp: slow"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = concat([google_monitoring_notification_channel.told_2.id], local.alarm_channels)

  conditions {
    display_name = "response_time is above 800 for 2 x 5m"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"everything-gcp\" AND metric.type=\"run.googleapis.com/request_latencies\""
      comparison      = "COMPARISON_GT"
      threshold_value = 800
      duration        = "300s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_PERCENTILE_99"
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }

  documentation {
    content = "everything: response_time is above 800 for 2 x 5m."
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }

  depends_on = [google_project_service.required]
}
