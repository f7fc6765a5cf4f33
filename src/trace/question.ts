/** Who asks whom: what a person typed, found in the cluster, or why it is not. */

import { closest } from '../base/closest.ts'
import { FairleadError } from '../base/error.ts'
import { addressFamily, canonicalAddress, hostPort } from '../base/ip.ts'
import type { Node, Pod, Service } from '../kube/types/core.ts'
import type { Protocol } from '../kube/types/meta.ts'
import { type Atlas, nameOf, podAddresses } from './world.ts'

export type Origin =
  | { readonly kind: 'pod'; readonly pod: Pod }
  | { readonly kind: 'node'; readonly node: Node }
  | { readonly kind: 'internet'; readonly addresses: readonly string[] }

export type Target = {
  /** As it was typed. */
  readonly text: string
  readonly protocol: Protocol
  readonly port: number
} & (
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'service'; readonly service: Service }
  | { readonly kind: 'pod'; readonly pod: Pod }
)

export interface QuestionWords {
  readonly from: string
  readonly to: string
  /** Where names without a namespace are looked for. @default 'default' */
  readonly namespace?: string
  readonly protocol?: Protocol
}

/** @throws FairleadError `USAGE` with the nearest name there is, and for a pod that cannot send. */
export function parseOrigin(words: QuestionWords, atlas: Atlas): Origin {
  const origin = originOf(words, atlas)
  if (origin.kind === 'pod') requireSender(origin.pod)
  return origin
}

function originOf({ from, namespace = 'default' }: QuestionWords, atlas: Atlas): Origin {
  if (from === 'internet') return { kind: 'internet', addresses: atlas.around.internet }
  const address = canonicalAddress(from)
  if (address !== undefined) return originAt(address, atlas)
  const [first = '', ...rest] = from.split('/')
  const kind = KINDS[first]
  if (rest.length > 0 && kind === 'node') return { kind: 'node', node: requireNode(rest.join('/'), atlas) }
  if (rest.length > 0 && kind === 'pod') return { kind: 'pod', pod: requirePod(rest, namespace, atlas) }
  const owner = WORKLOADS[first]
  if (rest.length > 0 && owner !== undefined) return { kind: 'pod', pod: requirePodOf(owner, from, namespace, atlas) }
  if (rest.length > 0) return { kind: 'pod', pod: requirePod([first, ...rest], namespace, atlas) }
  const node = atlas.nodesByName.get(from)
  const pod = atlas.objects.pods.find(({ metadata }) => metadata.name === from && metadata.namespace === namespace)
  if (node !== undefined && pod !== undefined) {
    throw usage(`"${from}" is a node and a pod of namespace ${namespace}`, `Say node/${from} or pod/${from}`)
  }
  if (node !== undefined) return { kind: 'node', node }
  if (pod !== undefined) return { kind: 'pod', pod }
  throw unknownOrigin(from, namespace, atlas)
}

/** Who has ended, or has no address yet, asks nobody. */
function requireSender(pod: Pod): void {
  const { phase = 'Pending', podIP = '' } = pod.status ?? {}
  if (phase === 'Succeeded' || phase === 'Failed')
    throw usage(`Pod ${nameOf(pod)} has ended (phase ${phase}) and sends nothing`, 'Give a pod that runs')
  if (podIP !== '') return
  const hint = `See kubectl describe pod -n ${pod.metadata.namespace} ${pod.metadata.name}`
  throw usage(`Pod ${nameOf(pod)} has no address yet (phase ${phase}) and sends nothing`, hint)
}

const KINDS: Readonly<Record<string, 'pod' | 'node' | 'service'>> = {
  po: 'pod',
  pod: 'pod',
  pods: 'pod',
  no: 'node',
  node: 'node',
  nodes: 'node',
  svc: 'service',
  service: 'service',
  services: 'service',
}

/** What a workload may be called, and who owns its pods. */
const WORKLOADS: Readonly<Record<string, string>> = {
  ...named('Deployment', 'deploy', 'deployment', 'deployments', 'deployment.apps'),
  ...named('ReplicaSet', 'rs', 'replicaset', 'replicasets', 'replicaset.apps'),
  ...named('StatefulSet', 'sts', 'statefulset', 'statefulsets', 'statefulset.apps'),
  ...named('DaemonSet', 'ds', 'daemonset', 'daemonsets', 'daemonset.apps'),
  ...named('Job', 'job', 'jobs', 'job.batch'),
}

function named(kind: string, ...words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, kind]))
}

/** Of a workload one pod asks, as with `kubectl exec`: the first that runs. */
function requirePodOf(kind: string, text: string, namespace: string, { objects }: Atlas): Pod {
  const [name = '', space = namespace] = text.split('/').slice(1).reverse()
  const own = objects.pods.filter((pod) => pod.metadata.namespace === space && isOf(pod, kind, name))
  const pod = own.find((one) => podAddresses(one).length > 0) ?? own[0]
  if (pod !== undefined) return pod
  throw usage(`There is no pod of ${kind} "${name}" in namespace ${space}`, `See kubectl get pods -n ${space}`)
}

/** Between a Deployment and its pods are ReplicaSets, which are named after it and the hash of their pods. */
function isOf({ metadata }: Pod, kind: string, name: string): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  if (kind !== 'Deployment') return owner?.kind === kind && owner.name === name
  return owner?.kind === 'ReplicaSet' && owner.name === `${name}-${metadata.labels?.['pod-template-hash']}`
}

function originAt(address: string, atlas: Atlas): Origin {
  const pod = atlas.podsByAddress.get(address)
  if (pod !== undefined) return { kind: 'pod', pod }
  const bound = atlas.around.publicAddresses.find(({ eip }) => eip === address)?.address
  const node = atlas.nodesByAddress.get(bound ?? address)
  if (node !== undefined) return { kind: 'node', node }
  if (atlas.around.internet.includes(address)) return { kind: 'internet', addresses: [address] }
  const known = atlas.around.internet.join(', ')
  throw usage(`No pod and no node has the address ${address}`, `Clients on the internet have ${known}`)
}

function requireNode(name: string, atlas: Atlas): Node {
  const node = atlas.nodesByName.get(name)
  if (node !== undefined) return node
  const near = closest(name, atlas.nodesByName.keys()) ?? [...atlas.nodesByName.keys()].join(', ')
  throw usage(`There is no node "${name}"`, near === '' ? 'The cluster has no nodes' : `Perhaps ${near} is meant`)
}

function requirePod(words: readonly string[], namespace: string, atlas: Atlas): Pod {
  const [name = '', space = namespace] = [...words].reverse()
  const pod = atlas.objects.pods.find(({ metadata }) => metadata.name === name && metadata.namespace === space)
  if (pod !== undefined) return pod
  throw usage(
    `There is no pod "${name}" in namespace ${space}`,
    nearPod(name, atlas) ?? 'kubectl get pods -A shows those that are there',
  )
}

function unknownOrigin(from: string, namespace: string, atlas: Atlas): FairleadError {
  const pods = atlas.objects.pods.filter(({ metadata }) => metadata.name === from)
  if (pods.length > 0) {
    const names = pods.map(nameOf).join(' or ')
    return usage(`There is no pod "${from}" in namespace ${namespace}`, `Perhaps ${names} is meant`)
  }
  const hint =
    nearPod(from, atlas) ?? nearNode(from, atlas) ?? 'Give a pod (NAMESPACE/NAME), a node, "internet" or an address'
  return usage(`There is no pod and no node "${from}"`, hint)
}

function nearPod(name: string, { objects }: Atlas): string | undefined {
  const near = closest(
    name,
    objects.pods.map(({ metadata }) => metadata.name),
  )
  const pod = objects.pods.find(({ metadata }) => metadata.name === near)
  return pod === undefined ? undefined : `Perhaps ${nameOf(pod)} is meant`
}

function nearNode(name: string, { nodesByName }: Atlas): string | undefined {
  const near = closest(name, nodesByName.keys())
  return near === undefined ? undefined : `Perhaps ${near} is meant`
}

/** @throws FairleadError `USAGE` with what would be right. */
export function parseTarget(words: QuestionWords, atlas: Atlas): Target {
  const { to: text, namespace = 'default' } = words
  if (text.includes('://')) return parseUrl(text, atlas)
  const [, body = text, suffix] = /^(.*?)(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? []
  const protocol = suffix === undefined ? words.protocol : (suffix.toUpperCase() as Protocol)
  const slash = body.split('/')
  const last = slash.at(-1) ?? ''
  if (slash.length > 1 && slash.at(-2)?.includes(':') === true) {
    throw usage(`"${last}" of "${text}" is no protocol`, 'Give tcp, udp or sctp, as in svc/web:80/tcp')
  }
  const kind = KINDS[slash[0] ?? '']
  if (slash.length > 1 && kind === 'service')
    return serviceTarget({ text, words: slash.slice(1), namespace, protocol, atlas })
  if (slash.length > 1 && kind === 'pod') return podTarget({ text, words: slash.slice(1), namespace, protocol, atlas })
  if (slash.length > 1) {
    throw usage(`Cannot ask "${text}"`, 'Give svc/NAME[:PORT], pod/NAME[:PORT], ADDRESS:PORT, NAME[:PORT] or a URL')
  }
  return hostTarget({ text, body, namespace, protocol, atlas })
}

const URL_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

function parseUrl(text: string, atlas: Atlas): Target {
  if (!URL.canParse(text)) throw usage(`"${text}" is not a URL`, 'Give one like http://web.default/')
  const url = new URL(text)
  const port = url.port === '' ? URL_PORTS[url.protocol] : Number(url.port)
  if (port === undefined)
    throw usage(`The URL ${text} names no port, and ${url.protocol} has none of its own`, 'Add the port')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return placed({ text, protocol: 'TCP', port }, host, atlas)
}

function placed(base: Pick<Target, 'text' | 'protocol' | 'port'>, host: string, _: Atlas): Target {
  const address = canonicalAddress(host)
  return address === undefined ? { ...base, kind: 'name', name: host } : { ...base, kind: 'address', address }
}

interface Words {
  readonly text: string
  readonly words: readonly string[]
  readonly namespace: string
  readonly protocol: Protocol | undefined
  readonly atlas: Atlas
}

function serviceTarget({ text, words, namespace, protocol, atlas }: Words): Target {
  const [last = '', space = namespace] = [...words].reverse()
  const [name = '', port] = last.split(':')
  const service = atlas.objects.services.find(({ metadata }) => metadata.name === name && metadata.namespace === space)
  if (service === undefined) throw unknownService(name, space, atlas)
  return { text, kind: 'service', service, ...portOf(service, port, protocol) }
}

/** A Service by `svc/[NAMESPACE/]NAME`. @throws FairleadError `USAGE` */
export function parseService(text: string, namespace: string, atlas: Atlas): Service {
  const [first = '', ...words] = text.split('/')
  if (KINDS[first] !== 'service' || words.length === 0) {
    throw usage(`"${text}" is no Service`, 'Give svc/NAME or svc/NAMESPACE/NAME')
  }
  const [name = '', space = namespace] = [...words].reverse()
  const service = atlas.objects.services.find(({ metadata }) => metadata.name === name && metadata.namespace === space)
  if (service === undefined) throw unknownService(name, space, atlas)
  return service
}

function unknownService(name: string, namespace: string, { objects }: Atlas): FairleadError {
  const message = `There is no Service "${name}" in namespace ${namespace}`
  const same = objects.services.filter(({ metadata }) => metadata.name === name)
  const near = closest(
    name,
    objects.services.map(({ metadata }) => metadata.name),
  )
  const found = same.length > 0 ? same : objects.services.filter(({ metadata }) => metadata.name === near)
  const names = found.map((service) => `svc/${nameOf(service)}`).join(' or ')
  return usage(
    message,
    found.length === 0 ? 'kubectl get services -A shows those that are there' : `Perhaps ${names} is meant`,
  )
}

/** The port that is meant: a number, a name, or the only one. */
function portOf(
  service: Service,
  text: string | undefined,
  protocol: Protocol | undefined,
): { port: number; protocol: Protocol } {
  const ports = service.spec.ports ?? []
  const names = ports
    .map(({ name, port, protocol: is = 'TCP' }) => `${name === undefined ? '' : `${name}=`}${port}/${is}`)
    .join(', ')
  if (text === undefined) {
    const fitting = ports.filter(({ protocol: is = 'TCP' }) => protocol === undefined || is === protocol)
    const [only] = fitting
    if (fitting.length === 1 && only !== undefined) return { port: only.port, protocol: only.protocol ?? 'TCP' }
    const named = `Service ${nameOf(service)} has ${ports.length === 0 ? 'no ports' : `the ports ${names}`}`
    throw usage(`${named}: say which is meant`, `Give svc/${nameOf(service)}:PORT`)
  }
  const named = ports.find(({ name }) => name === text)
  if (named !== undefined) return { port: named.port, protocol: protocol ?? named.protocol ?? 'TCP' }
  const number = portNumber(text)
  if (number !== undefined) {
    const same = ports.filter(({ port }) => port === number)
    return { port: number, protocol: protocol ?? (same.length === 1 ? same[0]?.protocol : undefined) ?? 'TCP' }
  }
  throw usage(`Service ${nameOf(service)} has no port "${text}"`, names === '' ? 'It has no ports' : `It has ${names}`)
}

function podTarget({ text, words, namespace, protocol, atlas }: Words): Target {
  const [last = '', ...space] = [...words].reverse()
  const [name = '', given] = last.split(':')
  const pod = requirePod([...space.reverse(), name], namespace, atlas)
  const ports = pod.spec.containers.flatMap(({ ports: all = [] }) => all)
  const named = ports.find((port) => port.name === given)
  const number = given === undefined ? undefined : (named?.containerPort ?? portNumber(given))
  if (given !== undefined && number === undefined)
    throw usage(`Pod ${nameOf(pod)} has no port "${given}"`, 'Give its number')
  const [only] = ports
  const port = number ?? (ports.length === 1 ? only?.containerPort : undefined)
  if (port === undefined) throw usage(`Pod ${nameOf(pod)}: say which port is meant`, `Give pod/${nameOf(pod)}:PORT`)
  return { text, kind: 'pod', pod, port, protocol: protocol ?? (named ?? only)?.protocol ?? 'TCP' }
}

interface HostWords extends Omit<Words, 'words'> {
  readonly body: string
}

function hostTarget({ text, body, namespace, protocol, atlas }: HostWords): Target {
  const [, six, four, given] = /^(?:\[([^\]]+)\]|([^:]+))(?::([^:]+))?$/.exec(body) ?? []
  const host = six ?? four ?? body
  const number = given === undefined ? undefined : portNumber(given)
  if (addressFamily(host) === undefined && !/^[a-z0-9_]([a-z0-9._-]*[a-z0-9])?\.?$/i.test(host)) {
    throw usage(`"${text}" is neither an address nor a name`, 'Give ADDRESS:PORT, NAME[:PORT], svc/NAME or a URL')
  }
  if (/^[\d.]+$/.test(host) && addressFamily(host) === undefined)
    throw usage(`"${host}" is no address`, 'Give four numbers up to 255, as in 10.96.0.1:80')
  if (given !== undefined && number === undefined)
    throw usage(`"${given}" is not a port`, 'Give a number from 1 to 65535')
  const [name = '', space = namespace] = host.split('.')
  const service = atlas.objects.services.find(({ metadata }) => metadata.name === name && metadata.namespace === space)
  if (number === undefined && addressFamily(host) === undefined && service !== undefined) {
    return { text, kind: 'name', name: host, ...portOf(service, undefined, protocol) }
  }
  if (number === undefined) throw usage(`"${text}" names no port`, `Give ${hostPort(host, 80)}`)
  const same = service?.spec.ports?.filter(({ port }) => port === number)
  return placed(
    { text, protocol: protocol ?? (same?.length === 1 ? same[0]?.protocol : undefined) ?? 'TCP', port: number },
    host,
    atlas,
  )
}

function portNumber(text: string): number | undefined {
  const number = Number(text)
  return /^\d{1,5}$/.test(text) && number > 0 && number < 65_536 ? number : undefined
}

function usage(message: string, hint: string): FairleadError {
  return new FairleadError('USAGE', message, { hint })
}
