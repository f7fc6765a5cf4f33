import type { PodSpec } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { legacyIpErrors } from '../../validation/ip-fields.ts'
import { looseSubdomainProblems, subdomainProblems } from '../../validation/names.ts'

const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_LENGTH = 2048

type DnsConfig = NonNullable<PodSpec['dnsConfig']>
type HostAlias = NonNullable<PodSpec['hostAliases']>[number]

/** Rules of how a pod looks up names (upstream `validatePodDNSConfig`). */
export function checkDns({ dnsPolicy, dnsConfig }: PodSpec, found: Findings): void {
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) {
      found.required('dnsConfig', 'must provide `dnsConfig` when `dnsPolicy` is None')
      return
    }
    if ((dnsConfig.nameservers ?? []).length === 0) {
      found.required('dnsConfig.nameservers', 'must provide at least one DNS nameserver when `dnsPolicy` is None')
      return
    }
  }
  found.within(dnsConfig, 'dnsConfig', checkConfig)
}

function checkConfig({ nameservers = [], searches = [], options }: DnsConfig, found: Findings): void {
  if (nameservers.length > MAX_NAMESERVERS) {
    found.invalid('nameservers', nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`)
  }
  found.each(nameservers, 'nameservers', (address) => found.add(legacyIpErrors('', address)))
  if (searches.length > MAX_SEARCHES) {
    found.invalid('searches', searches, `must not have more than ${MAX_SEARCHES} search paths`)
  }
  if (searches.join(' ').length > MAX_SEARCH_LENGTH) {
    const text = `must not have more than ${MAX_SEARCH_LENGTH} characters (including spaces) in the search list`
    found.invalid('searches', searches, text)
  }
  found.each(searches, 'searches', (search) => {
    if (search === '.') return
    const name = search.replace(/\.$/, '')
    found.problems('', name, looseSubdomainProblems(name))
  })
  found.each(options, 'options', (option) => {
    if (!option.name) found.required('', 'must not be empty')
  })
}

/** Rules of a line that is put into /etc/hosts (upstream `ValidateHostAliases`). */
export function checkHostAlias({ ip = '', hostnames }: Partial<HostAlias>, found: Findings): void {
  found.add(legacyIpErrors('ip', ip))
  found.each(hostnames, 'hostnames', (name) => found.problems('', name, subdomainProblems(name)))
}
