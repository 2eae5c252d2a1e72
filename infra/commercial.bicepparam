// Microsoft 365 commercial (or GCC: then set cloud = 'GCC') with Azure public. Copy this file, fill in the copy, and
// deploy with the copy.
using './main.bicep'

param name = 'prod'
param cloud = 'Commercial'
param teleMessageBaseUrl = 'https://archive.telemessage.example'
param operatorEmail = 'archive-operators@contoso.example'
// az ad group show --group 'Archive operators' --query id --output tsv
param operatorsGroupId = '00000000-0000-0000-0000-000000000000'
// Settings that differ from the defaults in local.settings.sample.json. Never put a secret here.
param settings = {
  DEFAULT_COUNTRY: 'US'
  WHATSAPP_CUSTOM_MAPPING: 'true'
}
