resource "google_monitoring_dashboard" "main" {
  dashboard_json = jsonencode({
    displayName = "{{ name }} in {{ folder }}"

    mosaicLayout = {
      columns = 12
      tiles = [
{% for chart in dashboard.charts %}
        {
          xPos   = {{ chart.x }}
          yPos   = {{ chart.y }}
          width  = 6
          height = 4
          widget = {
            title = "{{ chart.title }}"
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = "{{ chart.filter }}{% if chart.of_database %} resource.label.database_id=\"${var.project_id}:${var.database_instance}\"{% endif %}"
                    aggregation = {
                      alignmentPeriod    = "60s"
                      perSeriesAligner   = "{{ chart.aligner }}"
                      crossSeriesReducer = "{{ chart.reducer }}"
{% if chart.group_by %}
                      groupByFields      = ["{{ chart.group_by }}"]
{% endif %}
                    }
                  }
                }
              }]
              yAxis = { label = "{{ chart.unit }}", scale = "LINEAR" }
            }
          }
        },
{% endfor %}
      ]
    }
  })

  depends_on = [google_project_service.required]
}
