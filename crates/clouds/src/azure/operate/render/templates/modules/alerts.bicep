// When somebody is told.

@description('The name that the alerts begin with.')
param name string

@description('Tags of every resource.')
param tags object

@description('Who is told.')
param receiversId string
{% if alerts.queries %}

@description('The region of alerts that ask logs.')
param location string

@description('Application Insights, which those ask.')
param insightsId string
{% endif %}
{% if alerts.application %}

@description('The container app.')
param applicationId string
{% endif %}
{% if alerts.database %}

@description('The database server.')
param databaseId string
{% endif %}
{% if alerts.front_door %}

@description('Front Door.')
param frontDoorId string
{% endif %}

{% for one in alerts.metrics %}
resource {{ one.symbol }} 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-{{ one.name }}'
  location: 'global'
  tags: tags
  properties: {
    description: '{{ one.description }}'
    severity: {{ one.severity }}
    enabled: true
    autoMitigate: true
    scopes: [
      {{ one.scope }}
    ]
    evaluationFrequency: '{{ one.frequency }}'
    windowSize: '{{ one.window }}'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: '{{ one.namespace }}'
          metricName: '{{ one.metric }}'
          timeAggregation: '{{ one.aggregation }}'
          operator: '{{ one.operator }}'
          threshold: {% if one.fraction %}json('{{ one.fraction }}'){% else %}{{ one.threshold }}{% endif %}

{% if one.dimension %}
          dimensions: [
            {
              name: '{{ one.dimension.name }}'
              operator: 'Include'
              values: [
                '{{ one.dimension.value }}'
              ]
            }
          ]
{% endif %}
        }
      ]
    }
    actions: [
      {
        actionGroupId: receiversId
      }
    ]
  }
}

{% endfor %}
{% for one in alerts.queries %}
resource {{ one.symbol }} 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-{{ one.name }}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}-{{ one.name }}'
    description: '{{ one.description }}'
    severity: {{ one.severity }}
    enabled: true
    autoMitigate: true
    scopes: [
      insightsId
    ]
    evaluationFrequency: '{{ one.window }}'
    windowSize: '{{ one.window }}'
    criteria: {
      allOf: [
        {
          query: '{{ one.query }}'
          metricMeasureColumn: 'value'
          timeAggregation: '{{ one.aggregation }}'
          operator: '{{ one.operator }}'
          threshold: {% if one.fraction %}json('{{ one.fraction }}'){% else %}{{ one.threshold }}{% endif %}

          failingPeriods: {
            numberOfEvaluationPeriods: {{ one.periods }}
            minFailingPeriodsToAlert: {{ one.periods }}
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        receiversId
      ]
    }
  }
}

{% endfor %}
