// When somebody is told.

@description('The name that the alerts begin with.')
param name string

@description('Tags of every resource.')
param tags object

@description('Who is told.')
param receiversId string

@description('The container app.')
param applicationId string

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

