{% for channel in monitoring.channels %}
resource "google_monitoring_notification_channel" "{{ channel.label }}" {
  display_name = "{{ channel.target }}"
{% if channel.is_email %}
  type         = "email"

  labels = {
    email_address = "{{ channel.target }}"
  }
{% else %}
  type         = "webhook_tokenauth"

  labels = {
    url = "{{ channel.target }}"
  }
{% endif %}

  depends_on = [google_project_service.required]
}

{% endfor %}
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
{% if monitoring.host %}

# Asks from several continents, each minute, whether users are served.
resource "google_monitoring_uptime_check_config" "ready" {
  display_name = "{{ base }}"
  period       = "60s"
  timeout      = "10s"

  http_check {
    path         = "{{ service.ready_path }}"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.project_id
{% if edge %}
      host       = "{{ domain }}"
{% else %}
      host       = trimprefix(google_cloud_run_v2_service.application.uri, "https://")
{% endif %}
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "unreachable" {
  display_name          = "{{ base }}: not reachable"
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
    content = "Two places or more get no answer from {{ name }} in {{ folder }}."
  }
}
{% endif %}
{% for metric in monitoring.own_metrics %}

# An alarm needs its metric to exist, before the application has sent the first value.
resource "google_monitoring_metric_descriptor" "{{ metric.label }}" {
  type         = "custom.googleapis.com/{{ metric.name }}"
  display_name = "{{ metric.name }}"
  description  = "Sent by {{ name }}."
  metric_kind  = "GAUGE"
  value_type   = "DOUBLE"

  depends_on = [google_project_service.required]
}
{% endfor %}
{% if monitoring.counts_restarts %}

# Cloud Run counts no instances that end by themselves, but it writes a line about each.
resource "google_logging_metric" "restarts" {
  name        = "{{ base }}/restarts"
  description = "Instances of {{ name }} that ended by themselves."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"{{ service.name }}\" AND log_id(\"run.googleapis.com/varlog/system\") AND (textPayload:\"Container called exit\" OR textPayload:\"Memory limit of\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}
{% endif %}
{% for alarm in monitoring.alarms %}

resource "google_monitoring_alert_policy" "{{ alarm.label }}" {
  display_name          = "{{ base }}: {{ alarm.name }}"
  combiner              = "OR"
  severity              = "{{ alarm.severity }}"
{% if alarm.channel %}
  notification_channels = concat([google_monitoring_notification_channel.{{ alarm.channel }}.id], local.alarm_channels)
{% else %}
  notification_channels = local.alarm_channels
{% endif %}

  conditions {
    display_name = "{{ alarm.condition }}"

    condition_threshold {
      filter          = "{{ alarm.filter }}{% if alarm.of_database %} AND resource.labels.database_id=\"${var.project_id}:${google_sql_database_instance.main.name}\"{% endif %}"
{% if alarm.denominator %}

      # The share of these among all requests.
      denominator_filter = "{{ alarm.denominator }}"

{% endif %}
      comparison      = "{{ alarm.comparison }}"
{% if alarm.is_next_below %}
      # "At the threshold or above": the API knows only above, so this is the next number below it.
{% elif alarm.is_next_above %}
      # "At the threshold or below": the API knows only below, so this is the next number above it.
{% endif %}
      threshold_value = {{ alarm.threshold }}
      duration        = "{{ alarm.duration_s }}s"
{% if alarm.missing_is_active %}

      # No requests are no values at all, and below every threshold.
      evaluation_missing_data = "EVALUATION_MISSING_DATA_ACTIVE"
{% endif %}

      aggregations {
        alignment_period     = "{{ alarm.period_s }}s"
        per_series_aligner   = "{{ alarm.aligner }}"
        cross_series_reducer = "{{ alarm.reducer }}"
      }
{% if alarm.denominator %}

      denominator_aggregations {
        alignment_period     = "{{ alarm.period_s }}s"
        per_series_aligner   = "{{ alarm.aligner }}"
        cross_series_reducer = "{{ alarm.reducer }}"
      }
{% endif %}
    }
  }

  documentation {
    content = "{{ alarm.explanation }}"
  }

  alert_strategy {
    # An incident that is over is closed, so that the next one is told again.
    auto_close = "1800s"
  }
{% if alarm.needs %}

  depends_on = [{{ alarm.needs }}]
{% else %}

  depends_on = [google_project_service.required]
{% endif %}
}
{% endfor %}
