/** What a pod's resolver does with a name: whom it asks for which names in turn, what it hears, and who says so. */

import { closest } from '../base/closest.ts'
import { addressFamily } from '../base/ip.ts'
import { type ObjectRef, refOf } from '../controllers/service-diagnosis/cause.ts'
import { noEndpoints } from '../controllers/service-diagnosis/diagnose-service.ts'
import { expansionOf } from '../dns/server/query-log.ts'
import { canonicalName, isWithin } from '../dns/wire/name.ts'
import { DEFAULT_ZONE_OPTIONS } from '../dns/zone/name-record.ts'
import { isHeadless, serviceRecords } from '../dns/zone/service-records.ts'
import type { Pod, Service } from '../kube/types/core.ts'
import { podResolver } from '../node/pod-files.ts'
import type { Cause } from './hop.ts'
import { type Atlas, nameOf } from './world.ts'

/** One question to the cluster's DNS. */
export interface NameQuestion {
  readonly name: string
  readonly because: 'as given' | 'search list'
  readonly answer: 'addresses' | 'no such name' | 'no addresses' | 'asked elsewhere' | 'failure'
  readonly addresses: readonly string[]
  /** Names that aliases lead to. */
  readonly aliases: readonly string[]
  /** Whose name it is. */
  readonly object?: ObjectRef
}

export interface Resolution {
  readonly name: string
  readonly server: string
  readonly searches: readonly string[]
  readonly ndots: number
  readonly questions: readonly NameQuestion[]
  readonly addresses: readonly string[]
  readonly service?: Service
  /** Why it has no address. */
  readonly cause?: Cause
}

const MOST_ALIASES = 10
/** glibc's own, when `resolv.conf` does not say. */
const DEFAULT_NDOTS = 1

/** What becomes of a name in a pod. */
export function resolveInPod(name: string, pod: Pod, atlas: Atlas): Resolution {
  const { clusterDomain: domain, dnsAddress: server } = atlas.around
  const resolver = podResolver(pod, { server, domain }, { nameservers: [], searches: [], options: [] })
  const ndots = Number(
    resolver.options.find((option) => option.startsWith('ndots:'))?.slice('ndots:'.length) ?? DEFAULT_NDOTS,
  )
  const asked = { name, server: resolver.nameservers[0] ?? '', searches: resolver.searches, ndots }
  if (!resolver.nameservers.includes(server))
    return { ...asked, questions: [], addresses: [], cause: otherResolver(pod) }
  const questions: NameQuestion[] = []
  let last: Looked | undefined
  for (const step of expansionOf(name, resolver.searches, ndots)) {
    const looked = lookUpName(canonicalName(step.name), atlas)
    const { service, cause: _, ...said } = looked
    const object = service === undefined ? {} : { object: refOf(service, 'Service') }
    questions.push({ name: step.name, because: step.because, ...said, ...object })
    if (said.answer === 'addresses') {
      return { ...asked, questions, addresses: said.addresses, ...(service === undefined ? {} : { service }) }
    }
    if (looked.cause !== undefined) last ??= looked
  }
  const service = last?.service
  return {
    ...asked,
    questions,
    addresses: [],
    ...(service === undefined ? {} : { service }),
    cause: last?.cause ?? unknownName(name, pod, atlas),
  }
}

function otherResolver(pod: Pod): Cause {
  const { dnsPolicy = 'ClusterFirst', hostNetwork } = pod.spec
  const why =
    dnsPolicy === 'ClusterFirst' && hostNetwork === true
      ? 'hostNetwork with dnsPolicy ClusterFirst'
      : `dnsPolicy ${dnsPolicy}`
  const sentence = `pod ${nameOf(pod)} does not ask the cluster's DNS (${why})`
  const mend = hostNetwork === true ? 'set it to ClusterFirstWithHostNet' : 'set it to ClusterFirst'
  return { code: 'no-cluster-dns', sentence, object: refOf(pod, 'Pod'), field: 'spec.dnsPolicy', mend }
}

interface Looked {
  readonly answer: NameQuestion['answer']
  readonly addresses: readonly string[]
  readonly aliases: readonly string[]
  readonly service?: Service
  readonly cause?: Cause
}

/** What the cluster's DNS says to a name, from the same records as it answers with. */
export function lookUpName(name: string, atlas: Atlas): Looked {
  const aliases: string[] = []
  let first: Service | undefined
  for (let at = name; ; ) {
    const found = recordsAt(at, atlas)
    first ??= found?.service
    const base = { addresses: [], aliases, ...(first === undefined ? {} : { service: first }) }
    const outside = found === undefined ? atlas.cloud?.names.get(at) : undefined
    if (outside !== undefined) return { ...base, answer: 'addresses', addresses: outside }
    if (found === undefined) {
      const answer = isWithin(at, atlas.around.clusterDomain) ? 'no such name' : 'asked elsewhere'
      const cause = first === undefined ? undefined : badAlias(first, at, atlas)
      return { ...base, answer, ...(cause === undefined ? {} : { cause }) }
    }
    if (found.addresses.length > 0) return { ...base, answer: 'addresses', addresses: found.addresses }
    if (found.alias === undefined) {
      const cause =
        found.service !== undefined && isHeadless(found.service) ? headlessEmpty(found.service, atlas) : undefined
      return { ...base, answer: 'no addresses', ...(cause === undefined ? {} : { cause }) }
    }
    if (found.alias === name || aliases.includes(found.alias) || aliases.length >= MOST_ALIASES) {
      return {
        ...base,
        answer: 'failure',
        ...(first === undefined ? {} : { cause: aliasLoop(first, [...aliases, found.alias]) }),
      }
    }
    aliases.push(found.alias)
    at = found.alias
  }
}

interface AtName {
  readonly addresses: readonly string[]
  readonly alias?: string
  readonly service?: Service
}

function recordsAt(name: string, atlas: Atlas): AtName | undefined {
  const { clusterDomain: domain } = atlas.around
  if (!isWithin(name, domain)) return undefined
  const labels = name.slice(0, Math.max(0, name.length - domain.length - 1)).split('.')
  const kind = labels.pop()
  const namespace = labels.pop()
  if (!atlas.objects.namespaces.some(({ metadata }) => metadata.name === namespace)) return undefined
  if (kind === 'pod') return podName(labels)
  if (kind !== 'svc') return undefined
  const last = labels.at(-1)
  if (last === undefined) return { addresses: [] }
  const service = atlas.objects.services.find(
    ({ metadata }) => metadata.name === last && metadata.namespace === namespace,
  )
  if (service === undefined) return undefined
  const slices = atlas.slicesByService.get(nameOf(service)) ?? []
  const all = serviceRecords(service, slices, { ...DEFAULT_ZONE_OPTIONS, zones: [domain] })
  const records = all.filter((record) => record.name === name)
  if (records.length === 0) return isHeadless(service) && labels.length === 1 ? { addresses: [], service } : undefined
  const alias = records.flatMap(({ data }) => (data?.kind === 'CNAME' ? [data.target] : []))[0]
  const addresses = records.flatMap(({ data }) => (data?.kind === 'A' || data?.kind === 'AAAA' ? [data.address] : []))
  return { addresses: [...new Set(addresses)], service, ...(alias === undefined ? {} : { alias }) }
}

/** `pods insecure` of the cluster's Corefile: every address has a name in every namespace. */
function podName([label = '', ...more]: readonly string[]): AtName | undefined {
  if (label === '') return { addresses: [] }
  const address = label.replaceAll('-', /^\d+-\d+-\d+-\d+$/.test(label) ? '.' : ':')
  return more.length > 0 || addressFamily(address) === undefined ? undefined : { addresses: [address] }
}

function headlessEmpty(service: Service, atlas: Atlas): Cause {
  const { sentence, mend, field, object } = noEndpoints(service, undefined, atlas.objects.pods)
  return {
    code: 'headless-no-endpoints',
    sentence: `headless Service ${nameOf(service)} has no addresses: ${sentence}`,
    ...(object === undefined ? {} : { object }),
    ...(field === undefined ? {} : { field }),
    ...(mend === undefined ? {} : { mend }),
  }
}

function aliasLoop(service: Service, aliases: readonly string[]): Cause {
  const itself = aliases.length === 1 ? 'itself' : aliases.join(' -> ')
  const sentence = `ExternalName Service ${nameOf(service)} leads to ${itself}: the name never ends`
  return {
    code: 'external-name-loop',
    sentence,
    object: refOf(service, 'Service'),
    field: 'spec.externalName',
    mend: 'name a host elsewhere',
  }
}

function badAlias(service: Service, target: string, { around }: Atlas): Cause {
  const object = refOf(service, 'Service')
  const field = 'spec.externalName'
  const leads = `ExternalName Service ${nameOf(service)} leads to ${target}`
  if (isWithin(target, around.clusterDomain)) {
    return {
      code: 'name-unknown',
      sentence: `${leads}, which is no name of the cluster`,
      object,
      field,
      mend: 'name a Service that is there',
    }
  }
  const asks = around.dnsUpstreams.length === 0
  const sentence = asks
    ? `${leads}, and the cluster's DNS asks nobody for names outside`
    : `${leads}, which is outside of the cluster`
  const mend = asks ? 'start the cluster with --dns-upstream' : 'ask that name directly'
  return { code: 'external-name-outside', sentence, object, field, mend }
}

/** Why a name is nobody's: another namespace, a slip of the pen, or a name of the world outside. */
export function unknownName(name: string, pod: Pod, atlas: Atlas): Cause {
  const { clusterDomain, dnsUpstreams } = atlas.around
  const own = pod.metadata.namespace ?? ''
  const text = canonicalName(name)
  const [wanted = '', namespace = own] = text
    .replace(new RegExp(`\\.svc(\\.${clusterDomain.replaceAll('.', '\\.')})?$`), '')
    .split('.')
  const dots = text.split('.').length - 1
  const { services, namespaces } = atlas.objects
  const same = services.filter(({ metadata }) => metadata.name === wanted)
  if (same.length > 0) {
    const [there] = same
    const full = `${wanted}.${there?.metadata.namespace}`
    const sentence = `there is no Service ${wanted} in namespace ${namespace}; it is in ${same.map(({ metadata }) => metadata.namespace).join(', ')}`
    const ref = there === undefined ? {} : { object: refOf(there, 'Service') }
    return { code: 'wrong-namespace', sentence, ...ref, mend: `ask for ${full}` }
  }
  const here = services.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name)
  const near = closest(wanted, here)
  const known = namespaces.some(({ metadata }) => metadata.name === namespace)
  if (dots >= 1 && !known && !/\.svc(\.|$)/.test(text)) {
    const asks =
      dnsUpstreams.length === 0
        ? "the cluster's DNS asks nobody for names outside"
        : 'it is a name outside of the cluster'
    return {
      code: 'name-outside',
      sentence: `no Service is called ${name}, and ${asks}`,
      mend: 'give NAME.NAMESPACE, or start the cluster with --dns-upstream',
    }
  }
  const where = known
    ? `no Service in namespace ${namespace} is called ${wanted}`
    : `there is no namespace ${namespace}`
  const meant = known
    ? near
    : closest(
        namespace,
        namespaces.map(({ metadata }) => metadata.name),
      )
  const mend =
    meant === undefined
      ? 'create the Service'
      : `did you mean ${known ? `${meant}.${namespace}` : `${wanted}.${meant}`}?`
  return { code: 'name-unknown', sentence: where, mend }
}
