/** For tests: objects at random, and what a resolver is told of them, worked out name by name from the specification. */
import fc from 'fast-check'
import type { Namespace, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'

export interface Objects {
  readonly namespaces: readonly Namespace[]
  readonly services: readonly Service[]
  readonly slices: readonly EndpointSlice[]
}

const namespaceName = fc.constantFrom('default', 'team')
const serviceName = fc.constantFrom('web', 'db', 'svc', 'pod')
const portName = fc.constantFrom('http', 'dns', '')
const protocol = fc.constantFrom('TCP' as const, 'UDP' as const)

export const arbitraryNamespace: fc.Arbitrary<Namespace> = namespaceName.map((name) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
}))

export const arbitraryService: fc.Arbitrary<Service> = fc
  .tuple(
    namespaceName,
    serviceName,
    fc.constantFrom('cluster', 'dual', 'headless', 'external', 'alias'),
    fc.integer({ min: 1, max: 4 }),
    fc.uniqueArray(fc.tuple(portName, protocol, fc.constantFrom(80, 53)), {
      minLength: 1,
      maxLength: 3,
      selector: String,
    }),
    fc.boolean(),
  )
  .map(
    ([namespace, name, kind, host, ports, publishNotReadyAddresses]): Service => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        publishNotReadyAddresses,
        ...(kind === 'external'
          ? { type: 'ExternalName' as const, externalName: 'www.example.com' }
          : kind === 'alias'
            ? { type: 'ExternalName' as const, externalName: 'web.default.svc.cluster.local.' }
            : {
                type: 'ClusterIP' as const,
                clusterIP: kind === 'headless' ? 'None' : `10.96.0.${host}`,
                clusterIPs:
                  kind === 'headless'
                    ? ['None']
                    : [`10.96.0.${host}`, ...(kind === 'dual' ? [`fd00:10:96::${host}`] : [])],
              }),
        ports: ports.map(([portLabel, portProtocol, port]) => ({
          ...(portLabel === '' ? {} : { name: portLabel }),
          protocol: portProtocol,
          port,
        })),
      },
    }),
  )
  // An alias of itself is a case of its own.
  .filter(({ metadata, spec }) => spec.externalName !== `${metadata.name}.${metadata.namespace}.svc.cluster.local.`)

export const arbitrarySlice: fc.Arbitrary<EndpointSlice> = fc
  .tuple(
    namespaceName,
    serviceName,
    fc.constantFrom('IPv4' as const, 'IPv6' as const),
    fc.array(
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(true, false, undefined), fc.constantFrom('', 'a', 'b')),
      { maxLength: 3 },
    ),
    fc.uniqueArray(fc.tuple(portName, protocol, fc.constantFrom(8080, 53)), { maxLength: 2, selector: String }),
  )
  .map(([namespace, service, addressType, endpoints, ports]) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-${addressType.toLowerCase()}`,
      namespace,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType,
    ports: ports.map(([name, portProtocol, port]) => ({ name, protocol: portProtocol, port })),
    endpoints: endpoints.map(([host, ready, hostname]) => ({
      addresses: [addressType === 'IPv4' ? `10.244.0.${host}` : `fd00:10:244::${host}`],
      conditions: ready === undefined ? {} : { ready },
      ...(hostname === '' ? {} : { hostname }),
    })),
  }))

/** What a question is answered with, in words: `10.96.0.1`, `80 web.default.svc.cluster.local`, ... */
export type Expected = { readonly rcode: 'NOERROR' | 'NXDOMAIN'; readonly data: readonly string[] } | 'elsewhere'

const ZONE = 'cluster.local'

/** All names of which anything is known, and some of which nothing is. */
export function questionsAbout(objects: Objects): string[] {
  const names = [
    '',
    'svc',
    'pod',
    'dns',
    'ns.dns',
    'dns-version',
    'nothing',
    '_tcp.nothing',
    '*.default.svc',
    'any.any.svc',
  ]
  for (const namespace of ['default', 'team', 'none']) {
    names.push(`${namespace}.svc`, `${namespace}.pod`, `1-2-3-4.${namespace}.pod`, `*.${namespace}.svc`)
    for (const service of ['web', 'db', 'svc', 'pod', 'none']) {
      const owner = `${service}.${namespace}.svc`
      names.push(owner, `x.${owner}`, `a.${owner}`, `b.${owner}`, `a.b.c.${owner}`, `_tcp.${owner}`, `_udp.${owner}`)
      names.push(`10-244-0-1.${owner}`, `10-244-0-2.${owner}`, `fd00-10-244--1.${owner}`, `*.${owner}`)
      for (const port of ['http', 'dns', 'none']) names.push(`_${port}._tcp.${owner}`, `_${port}._udp.${owner}`)
    }
  }
  const reverse = objects.services.flatMap(({ spec }) => spec.clusterIPs ?? [])
  const full = names.map((name) => (name === '' ? ZONE : `${name}.${ZONE}`))
  const addresses = [...reverse, '10.96.0.9', '10.244.0.1', '10.244.0.2'].filter((text) => /^\d/.test(text))
  return [...full, ...addresses.map((text) => `${text.split('.').reverse().join('.')}.in-addr.arpa`)]
}

/** Works an answer out from the objects alone, without a table of names. */
export function expectedAnswer(objects: Objects, name: string, type: string): Expected {
  const data = dataAt(objects, name, type)
  if (data === 'elsewhere') return data
  const [alias] = dataAt(objects, name, 'CNAME')
  if (alias !== undefined && type !== 'CNAME') {
    const end = expectedAnswer(objects, alias, type)
    return end === 'elsewhere' ? end : { rcode: end.rcode, data: [...data].sort() }
  }
  const something = ['A', 'AAAA', 'SRV', 'TXT', 'PTR', 'CNAME'].some((kind) => {
    const found = dataAt(objects, name, kind)
    return found === 'elsewhere' || found.length > 0
  })
  if (data.length > 0 || something || isAbove(objects, name)) return { rcode: 'NOERROR', data: [...data].sort() }
  return { rcode: 'NXDOMAIN', data: [] }
}

function dataAt(objects: Objects, name: string, type: string, hops = 0): readonly string[] | 'elsewhere' {
  if (name.endsWith('.in-addr.arpa')) return type === 'PTR' ? pointers(objects, name) : []
  const labels = name.slice(0, -ZONE.length - 1).split('.')
  if (name === `dns-version.${ZONE}`) return type === 'TXT' ? ['1.1.0'] : []
  if (name === `ns.dns.${ZONE}`) return type === 'A' ? ['10.244.9.9'] : []
  if (labels.length < 3 || labels.at(-1) !== 'svc') return []
  const [namespace, serviceLabel] = [labels.at(-2), labels.at(-3)]
  const service = objects.services.find(
    ({ metadata }) => metadata.name === serviceLabel && metadata.namespace === namespace,
  )
  if (service === undefined) return []
  const left = labels.slice(0, -3)
  const owner = labels.slice(-3).join('.')
  if (service.spec.type === 'ExternalName') {
    const target = (service.spec.externalName ?? '').replace(/\.$/, '')
    if (left.length > 0) return []
    if (type === 'CNAME') return [target]
    if (!target.endsWith(ZONE) || hops > 9) return 'elsewhere'
    const further = dataAt(objects, target, type, hops + 1)
    return further === 'elsewhere' ? further : [target, ...further]
  }
  const headless = service.spec.clusterIP === 'None'
  const out = new Set<string>()
  const port = left.length === 2 ? left.map((label) => (label.startsWith('_') ? label.slice(1) : '-')) : undefined
  const matches = (name_: string | undefined, protocol_: string | undefined) =>
    left.length < 2 || (port?.[0] === name_ && port?.[1] === protocol_?.toLowerCase() && name_ !== '')
  if (left.length > 2) return []
  if (left.length !== 1 && !headless) {
    for (const { name: portLabel = '', protocol: portProtocol, port: number } of service.spec.ports ?? []) {
      if (!matches(portLabel, portProtocol)) continue
      if (type === 'SRV') out.add(`${number} ${owner}.${ZONE}`)
      for (const address of service.spec.clusterIPs ?? []) if (familyType(address) === type) out.add(address)
    }
    return [...out]
  }
  for (const slice of objects.slices) {
    if (slice.metadata.namespace !== namespace) continue
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== serviceLabel) continue
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false && !service.spec.publishNotReadyAddresses) continue
      const address = endpoint.addresses[0] ?? ''
      const hostname = endpoint.hostname ?? address.replace(/[.:]/g, '-')
      if (left.length === 1 && left[0] !== hostname) continue
      const fitting = (slice.ports ?? []).filter((one) => matches(one.name, one.protocol))
      if (left.length === 2 && fitting.length === 0) continue
      if (familyType(address) === type) out.add(address)
      if (type === 'SRV') for (const one of fitting) out.add(`${one.port} ${hostname}.${owner}.${ZONE}`)
    }
  }
  return [...out]
}

function pointers({ services, slices }: Objects, name: string): string[] {
  const address = name.replace('.in-addr.arpa', '').split('.').reverse().join('.')
  const direct = services.filter(({ spec }) => spec.clusterIPs?.includes(address))
  if (direct.length > 0) {
    return [...new Set(direct.map(({ metadata }) => `${metadata.name}.${metadata.namespace}.svc.${ZONE}`))]
  }
  const out = new Set<string>()
  for (const { metadata, spec } of services) {
    if (spec.type === 'ExternalName') continue
    for (const slice of slices) {
      if (slice.metadata.namespace !== metadata.namespace) continue
      if (slice.metadata.labels?.['kubernetes.io/service-name'] !== metadata.name) continue
      for (const { addresses, conditions, hostname } of slice.endpoints ?? []) {
        if (addresses[0] !== address || (conditions?.ready === false && !spec.publishNotReadyAddresses)) continue
        out.add(`${hostname ?? address.replaceAll('.', '-')}.${metadata.name}.${metadata.namespace}.svc.${ZONE}`)
      }
    }
  }
  return [...out]
}

/** Names of which nothing is said, with names below them. */
function isAbove(objects: Objects, name: string): boolean {
  if ([ZONE, `svc.${ZONE}`, `pod.${ZONE}`, `dns.${ZONE}`].includes(name)) return true
  if (name === 'in-addr.arpa') return true
  if (objects.namespaces.some(({ metadata }) => name === `${metadata.name}.svc.${ZONE}`)) return true
  return [...namesBelowServices(objects)].some((candidate) => candidate.endsWith(`.${name}`))
}

const known = new WeakMap<Objects, ReadonlySet<string>>()

function namesBelowServices(objects: Objects): ReadonlySet<string> {
  const before = known.get(objects)
  if (before !== undefined) return before
  const below = new Set<string>()
  for (const { metadata, spec } of objects.services) {
    const owner = `${metadata.name}.${metadata.namespace}.svc.${ZONE}`
    const protocols = ['tcp', 'udp'].map((label) => `_${label}.${owner}`)
    const ports = ['http', 'dns'].flatMap((port) => protocols.map((protocol_) => `_${port}.${protocol_}`))
    const hosts = ['a', 'b', '10-244-0-1', '10-244-0-2', '10-244-0-3', ...[1, 2, 3].map((n) => `fd00-10-244--${n}`)]
    for (const candidate of [owner, ...ports, ...hosts.map((host) => `${host}.${owner}`)]) {
      for (const kind of ['A', 'AAAA', 'SRV', 'CNAME']) {
        const found = spec.type === 'ExternalName' && kind !== 'CNAME' ? [] : dataAt(objects, candidate, kind)
        if (found.length > 0) below.add(candidate)
      }
    }
  }
  known.set(objects, below)
  return below
}

function familyType(address: string): string {
  return address === 'None' ? '' : address.includes(':') ? 'AAAA' : 'A'
}
