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
    // 31 days cost nothing; the profile asks for 30.
    retentionInDays: 30
    features: {
      // Whoever may read a resource may read its logs, and nobody writes with a shared key.
      enableLogAccessUsingOnlyResourcePermissions: true
      disableLocalAuth: true
    }
  }
}

resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-receivers'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'tiny'
    // The specification names nobody: those who own the subscription are told.
    armRoleReceivers: [
      {
        name: 'Owner'
        roleId: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'
        useCommonAlertSchema: true
      }
    ]
  }
}

@description('The workspace that logs go to.')
output workspaceId string = workspace.id

@description('Who is told.')
output receiversId string = receivers.id
