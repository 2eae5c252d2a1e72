// Microsoft 365 commercial (or GCC: then cloud = 'GCC') with Azure public. Copy, fill in, deploy with the copy.
using './main.bicep'

param name = 'prod'
param cloud = 'Commercial'
param teleMessageBaseUrl = 'https://archive.telemessage.example'
param operatorEmail = 'archive-operators@contoso.example'
// az ad group show --group 'Archive operators' --query id --output tsv
param operatorsGroupId = '00000000-0000-0000-0000-000000000000'
// What differs from the defaults that local.settings.sample.json explains. Never a secret.
param settings = {
  DEFAULT_COUNTRY: 'US'
  WHATSAPP_CUSTOM_MAPPING: 'true'
}
