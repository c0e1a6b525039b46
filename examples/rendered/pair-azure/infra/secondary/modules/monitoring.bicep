// Where logs go, and who is told.

@description('The region.')
param location string

@description('The name that the resources begin with.')
param name string

@description('Tags of every resource.')
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    // 31 days cost nothing; the profile asks for 90.
    retentionInDays: 90
    features: {
      // Whoever may read a resource may read its logs, and nobody writes with a shared key.
      enableLogAccessUsingOnlyResourcePermissions: true
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    RetentionInDays: 90
    // Addresses of users are not kept.
    DisableIpMasking: false
  }
}

resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-receivers'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'medassistant'
    emailReceivers: [
      {
        name: 'mail-1'
        emailAddress: 'ops@example.com'
        useCommonAlertSchema: true
      }
    ]
  }
}

@description('The workspace that logs go to.')
output workspaceId string = workspace.id

@description('Who is told.')
output receiversId string = receivers.id

@description('Application Insights, where the application sends its traces and metrics; it only allows writing.')
output insightsConnectionString string = insights.properties.ConnectionString

@description('Application Insights, which alerts ask.')
output insightsId string = insights.id
