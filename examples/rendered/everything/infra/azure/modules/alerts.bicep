// When somebody is told.

@description('The name that the alerts begin with.')
param name string

@description('Tags of every resource.')
param tags object

@description('Who is told.')
param receiversId string

@description('The container app.')
param applicationId string

@description('The database server.')
param databaseId string

@description('Front Door.')
param frontDoorId string

resource alarm_connections 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-connections'
  location: 'global'
  tags: tags
  properties: {
    description: 'database_connections above 80'
    severity: 2
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
          metricName: 'active_connections'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 80
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

resource alarm_cpu 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-cpu'
  location: 'global'
  tags: tags
  properties: {
    description: 'cpu above 80'
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
          metricName: 'CpuPercentage'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 80
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

resource alarm_database_cpu 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-database-cpu'
  location: 'global'
  tags: tags
  properties: {
    description: 'database_cpu above 80'
    severity: 2
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
          threshold: 80
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

resource alarm_database_disk 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-database-disk'
  location: 'global'
  tags: tags
  properties: {
    description: 'database_disk above 80'
    severity: 2
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
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 80
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

resource alarm_errors 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-errors'
  location: 'global'
  tags: tags
  properties: {
    description: 'error_rate above 1.5'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      frontDoorId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.Cdn/profiles'
          metricName: 'Percentage5XX'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: json('1.5')
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

resource alarm_instances 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-instances'
  location: 'global'
  tags: tags
  properties: {
    description: 'instances at or above 18'
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
          metricName: 'Replicas'
          timeAggregation: 'Average'
          operator: 'GreaterThanOrEqual'
          threshold: 18
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

resource alarm_memory 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-memory'
  location: 'global'
  tags: tags
  properties: {
    description: 'memory above 85'
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
          metricName: 'MemoryPercentage'
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

resource alarm_quiet 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-quiet'
  location: 'global'
  tags: tags
  properties: {
    description: 'requests below 1'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      applicationId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT30M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'threshold'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'Requests'
          timeAggregation: 'Total'
          operator: 'LessThan'
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

resource alarm_slow 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-alarm-slow'
  location: 'global'
  tags: tags
  properties: {
    description: 'response_time above 800'
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
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 800
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

