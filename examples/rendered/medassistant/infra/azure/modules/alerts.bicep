// When somebody is told.

@description('The name that the alerts begin with.')
param name string

@description('Tags of every resource.')
param tags object

@description('Who is told.')
param receiversId string

@description('The region of alerts that ask logs.')
param location string

@description('Application Insights, which those ask.')
param insightsId string

@description('The container app.')
param applicationId string

@description('The database server.')
param databaseId string

resource alarm_slow 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-slow'
  location: 'global'
  tags: tags
  properties: {
    description: 'response_time above 2000'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'ResponseTime'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 2000
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

resource basic_failures 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-failures'
  location: 'global'
  tags: tags
  properties: {
    description: 'Requests are answered with 500 or above'
    severity: 1
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'Requests'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 10
          dimensions: [
            {
              name: 'statusCodeCategory'
              operator: 'Include'
              values: [
                '5xx'
              ]
            }
          ]
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

resource basic_cpu 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-cpu'
  location: 'global'
  tags: tags
  properties: {
    description: 'Replicas use over 85 % of their processors'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'CpuPercentage'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 85
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

resource basic_memory 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-memory'
  location: 'global'
  tags: tags
  properties: {
    description: 'Replicas use over 90 % of their memory'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'MemoryPercentage'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 90
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

resource basic_restarts 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-restarts'
  location: 'global'
  tags: tags
  properties: {
    description: 'Replicas ended by themselves'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'RestartCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 3
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

resource basic_replicas 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-replicas'
  location: 'global'
  tags: tags
  properties: {
    description: 'No more replicas are allowed'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'Replicas'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 9
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

resource basic_database_cpu 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-database-cpu'
  location: 'global'
  tags: tags
  properties: {
    description: 'The database uses over 85 % of its processors'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
          metricName: 'cpu_percent'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 85
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

resource basic_database_disk 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-database-disk'
  location: 'global'
  tags: tags
  properties: {
    description: 'The disk of the database is over 85 % full'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
          metricName: 'storage_percent'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 85
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

resource basic_database_memory 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-database-memory'
  location: 'global'
  tags: tags
  properties: {
    description: 'The database uses over 90 % of its memory'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
          metricName: 'memory_percent'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 90
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

resource basic_database_refusals 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-database-refusals'
  location: 'global'
  tags: tags
  properties: {
    description: 'Connections to the database fail'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
          metricName: 'connections_failed'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 20
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

resource basic_replication 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-basic-replication'
  location: 'global'
  tags: tags
  properties: {
    description: 'A reader of the changes is 1 GiB behind'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
          metricName: 'logical_replication_delay_in_bytes'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 1073741824
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

resource alarm_errors 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-alarm-errors'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}-alarm-errors'
    description: 'error_rate above 5'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: 'requests | summarize value = 100.0 * countif(toint(resultCode) >= 500) / max_of(count(), 1)'
          metricMeasureColumn: 'value'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 5
          failingPeriods: {
            numberOfEvaluationPeriods: 2
            minFailingPeriodsToAlert: 2
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

