<#
.SYNOPSIS
Lets the app's identity write into the archived users' mailboxes, and into no others (RBAC for Applications).

.DESCRIPTION
Run it as Exchange Administrator (member of Organization Management). You can run it again at any time. It ends with an
error unless the mailbox of -Inside is in scope and the one of -Outside is not.

.EXAMPLE
./grant-mailboxes.ps1 -ClientId $clientId -PrincipalId $principalId -Group archived-users@contoso.example `
  -Inside pilot@contoso.example -Outside ceo@contoso.example

.EXAMPLE
./grant-mailboxes.ps1 -ClientId $clientId -PrincipalId $principalId -Undo
#>
[CmdletBinding(DefaultParameterSetName = 'Grant')]
param(
  # Outputs identityClientId and identityPrincipalId of main.bicep.
  [Parameter(Mandatory)] [guid] $ClientId,
  [Parameter(Mandatory)] [guid] $PrincipalId,

  # Mail-enabled security group or distribution group whose direct members are archived. Exchange's filter ignores
  # members of nested groups.
  [Parameter(Mandatory, ParameterSetName = 'Grant')] [string] $Group,
  # A mailbox that the app must reach, and one that it must not.
  [Parameter(Mandatory, ParameterSetName = 'Grant')] [string] $Inside,
  [Parameter(Mandatory, ParameterSetName = 'Grant')] [string] $Outside,

  [Parameter(Mandatory, ParameterSetName = 'Undo')] [switch] $Undo,

  [ValidateSet('Commercial', 'GCC', 'GCCHigh', 'DoD')] [string] $Cloud = 'Commercial',
  [string] $Name = 'TeleMessage archiver'
)

$ErrorActionPreference = 'Stop'
$role = 'Application Mail.ReadWrite'
$environments = @{
  Commercial = 'O365Default'
  GCC        = 'O365Default'
  GCCHigh    = 'O365USGovGCCHigh'
  DoD        = 'O365USGovDoD'
}

Connect-ExchangeOnline -ExchangeEnvironmentName $environments[$Cloud] -ShowBanner:$false

$principal = Get-ServicePrincipal | Where-Object { $_.AppId -eq $ClientId.ToString() }
$scope = Get-ManagementScope | Where-Object { $_.Name -eq $Name }
$assignment = Get-ManagementRoleAssignment | Where-Object { $_.Name -eq $Name }

if ($Undo) {
  if ($assignment) { Remove-ManagementRoleAssignment -Identity $Name -Confirm:$false }
  if ($scope) { Remove-ManagementScope -Identity $Name -Confirm:$false }
  if ($principal) { Remove-ServicePrincipal -Identity $PrincipalId.ToString() -Confirm:$false }
  Write-Output "$($role): not granted"
  return
}

# Exchange's pointer to the identity. Its object id is that of the service principal, not of an app registration.
if (-not $principal) {
  New-ServicePrincipal -AppId $ClientId -ObjectId $PrincipalId -DisplayName $Name | Out-Null
}

# The filter names the group by its distinguished name, which stays the same when the group gets a new address.
$members = (Get-Group -Identity $Group).DistinguishedName.Replace("'", "''")
$filter = "MemberOfGroup -eq '$members'"
if (-not $scope) {
  New-ManagementScope -Name $Name -RecipientRestrictionFilter $filter | Out-Null
}
else {
  Set-ManagementScope -Identity $Name -RecipientRestrictionFilter $filter
}

if (-not $assignment) {
  New-ManagementRoleAssignment -Name $Name -Role $role -App $PrincipalId -CustomResourceScope $Name | Out-Null
}

# This check sees the grant immediately; Graph itself may take up to two hours.
function Test-InScope([string] $Mailbox) {
  $grants = Test-ServicePrincipalAuthorization -Identity $PrincipalId.ToString() -Resource $Mailbox |
    Where-Object { $_.RoleName -eq $role }
  [bool]($grants | Where-Object { "$($_.InScope)" -eq 'True' })
}

$insideReached = Test-InScope $Inside
$outsideReached = Test-InScope $Outside
Write-Output "$($role): $Inside in scope: $insideReached (expected: True)"
Write-Output "$($role): $Outside in scope: $outsideReached (expected: False)"
if (-not $insideReached -or $outsideReached) {
  throw 'The scope is wrong: see the lines above, and docs/permissions.md.'
}
