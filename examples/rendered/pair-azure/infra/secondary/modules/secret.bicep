// One secret of the vault.

@description('The vault.')
param vaultName string

@description('The name of the secret.')
param name string

@description('Its value. Resource Manager writes it; it is in no log and no deployment\'s history.')
@secure()
param value string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  // checkov:skip=CKV_AZURE_41: whoever gave it decides when it ends; an expiry that nobody renews is an outage
  parent: vault
  name: name
  properties: {
    value: value
    contentType: 'text/plain'
  }
}
