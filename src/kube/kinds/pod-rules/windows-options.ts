import type { WindowsOptions } from '../../types/pod-security.ts'
import type { Findings } from '../../validation/findings.ts'
import { subdomainProblems } from '../../validation/names.ts'

const MAX_SPEC_KIB = 64
const MAX_DOMAIN = 256
const MAX_USER = 104
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const DNS = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROL = /[\x00-\x1f\x7f]/

/** Rules of `windowsOptions` (upstream `validateWindowsSecurityContextOptions`); such pods are kept, not run. */
export function checkWindowsOptions(options: WindowsOptions, found: Findings): void {
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options
  if (name !== undefined) found.problems('gmsaCredentialSpecName', name, subdomainProblems(name))
  if (spec === '') found.invalid('gmsaCredentialSpec', spec, 'gmsaCredentialSpec cannot be an empty string')
  else if (spec !== undefined && spec.length > MAX_SPEC_KIB * 1024) {
    found.invalid('gmsaCredentialSpec', spec, `gmsaCredentialSpec size must be under ${MAX_SPEC_KIB} KiB`)
  }
  if (runAsUserName === undefined) return
  for (const text of userNameProblems(runAsUserName)) {
    found.invalid('runAsUserName', runAsUserName, `runAsUserName${text}`)
  }
}

function userNameProblems(name: string): readonly string[] {
  const parts = name.split('\\')
  if (name === '') return [' cannot be an empty string']
  if (CONTROL.test(name)) return [' cannot contain control characters']
  if (parts.length > 2) return [' cannot contain more than one backslash']
  const user = parts.at(-1) ?? ''
  return [...(parts.length === 2 ? domainProblems(parts[0] ?? '') : []), ...userProblems(user)]
}

function domainProblems(domain: string): readonly string[] {
  const known = NETBIOS.test(domain) || DNS.test(domain)
  return [
    ...(domain.length >= MAX_DOMAIN ? [`'s Domain length must be under ${MAX_DOMAIN} characters`] : []),
    ...(known ? [] : ["'s Domain doesn't match the NetBios nor the DNS format"]),
  ]
}

function userProblems(user: string): readonly string[] {
  const long = `'s User length must not be longer than ${MAX_USER} characters`
  return [
    ...(user === '' ? ["'s User cannot be empty"] : user.length > MAX_USER ? [long] : []),
    ...(/^[. ]+$/.test(user) ? ["'s User cannot contain only periods or spaces"] : []),
    ...(/["/\\:;|=,+*?<>@[\]]/.test(user)
      ? ['\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]']
      : []),
  ]
}
