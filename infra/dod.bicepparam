// Microsoft 365 DoD with Azure Government: storage and vault in a private network.
using './main.bicep'

param name = 'prod'
param cloud = 'DoD'
param teleMessageBaseUrl = 'https://archive.telemessage.example'
param operatorEmail = 'archive-operators@contoso.example'
param operatorsGroupId = '00000000-0000-0000-0000-000000000000'
// Where operators work: without it, nobody outside the network can enter the sign-in or read the evidence.
param operatorAddresses = ['203.0.113.0/24']
param network = 'private'
param settings = {
  DEFAULT_COUNTRY: 'US'
  WHATSAPP_CUSTOM_MAPPING: 'true'
}
