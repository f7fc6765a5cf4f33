/** How each row of the table of types is measured. */
import { requireAddress } from '../../base/ip.ts'
import { findHaproxy } from '../../cloud/load-balancer/layer7/find-haproxy.ts'
import { ask, type EchoAnswer, type Target } from '../../cluster/vantage.ts'
import { ConntrackSocket } from '../../linux/conntrack.ts'
import { askName } from '../ask-name.ts'
import type { Measurement } from '../cell.ts'
import type { ClientClass } from '../clients.ts'
import { VALUES } from '../documented.ts'
import { askTls, converse, howItFailed, nodeOfSource, type Reach, reach, sourceOf, tally } from '../experiments.ts'
import { INTERNET_ADDRESS, type Lab } from '../lab.ts'
import { BACKENDS, NODE_ELSEWHERE, SITE_NAME } from '../scene.ts'
import { fullName } from './names.ts'
import { reachMeasurement } from './reach-measurement.ts'

const ROUNDS = 6
const BOTTLENECK_CONNECTIONS = 24
/** Protocol number of TCP (IANA). */
const TCP = 6

function tcp(host: string, port: number): Target {
  return { host, port, protocol: 'TCP' }
}

export async function measureClusterIp(lab: Lab, client: ClientClass): Promise<Measurement> {
  const host = lab.clusterIp('clusterip')
  return reachMeasurement([{ where: `${host}:80`, found: await reach(lab.from(client.id), tcp(host, 80)) }])
}

/** Turns are taken when each run of as many connections as there are pods meets all of them. */
export async function measureTurns(lab: Lab): Promise<Measurement> {
  const size = BACKENDS.length
  const target = tcp(lab.clusterIp('clusterip'), 80)
  const pods = (await converse(lab.from('pod-elsewhere'), target, size * ROUNDS)).map(({ pod }) => pod)
  const rounds = Array.from({ length: ROUNDS }, (_, i) => pods.slice(i * size, (i + 1) * size))
  const inTurn = rounds.every((round) => new Set(round).size === size)
  return { value: inTurn ? VALUES.roundRobin : 'out of turn', evidence: [`in this order: ${pods.join(' ')}`] }
}

/** On every node: from outside by its public address, from inside by its private one. */
export async function measureNodePort(lab: Lab, client: ClientClass): Promise<Measurement> {
  const port = lab.nodePort('nodeport')
  const isOutside = client.besideBackend === undefined
  const ways = lab.cluster.spec.nodes.map(async ({ name, address, publicAddress }) => {
    const host = isOutside ? publicAddress : address
    return { where: `${name} by ${host}:${port}`, found: await reach(lab.from(client.id), tcp(host, port)) }
  })
  return reachMeasurement(await Promise.all(ways))
}

const FIRST_NODE_PORT = 30_000
const LAST_NODE_PORT = 32_767

export async function measureNodePortNumber(lab: Lab): Promise<Measurement> {
  const port = lab.nodePort('nodeport')
  const isWithin = port >= FIRST_NODE_PORT && port <= LAST_NODE_PORT
  return { value: isWithin ? `${FIRST_NODE_PORT}-${LAST_NODE_PORT}` : String(port), evidence: [`node port ${port}`] }
}

/** Who carried connections to one node's port is whom the pods see them come from: the node that rewrites them. */
export async function measureBottleneck(lab: Lab): Promise<Measurement> {
  const node = lab.cluster.spec.nodes.find(({ name }) => name === NODE_ELSEWHERE)
  const target = tcp(node?.publicAddress ?? '', lab.nodePort('nodeport'))
  const before = trackedTo(lab, target.port)
  const answers = await converse(lab.from('internet'), target, BOTTLENECK_CONNECTIONS)
  const after = trackedTo(lab, target.port)
  const carriers = answers.map((answer) => nodeOfSource(lab, sourceOf(answer)) ?? 'nobody known')
  const isOne = carriers.every((carrier) => carrier === NODE_ELSEWHERE)
  return {
    value: isOne ? VALUES.oneNode : tally(carriers),
    evidence: [
      `${BOTTLENECK_CONNECTIONS} connections to ${target.host}:${target.port} were carried by ${tally(carriers)}`,
      `nodes track so many more of them: ${[...after].map(([name, count]) => `${name} ${count - (before.get(name) ?? 0)}`).join(', ')}`,
      `and answered by ${tally(answers.map(({ pod }) => pod))}, which saw ${tally(answers.map(sourceOf))}`,
    ],
  }
}

/** Connections from the internet to a node port that each node's kernel keeps track of. */
function trackedTo(lab: Lab, port: number): Map<string, number> {
  const client = requireAddress(INTERNET_ADDRESS)
  const counts = lab.cluster.spec.nodes.map(({ name }) => {
    using conntrack = ConntrackSocket.open(lab.cluster.nodeNetns(name))
    const own = conntrack
      .list('ip', TCP)
      .filter(({ original }) => original.destinationPort === port && client.equals(original.source))
    return [name, own.length] as const
  })
  return new Map(counts)
}

export async function measurePlain(
  lab: Lab,
  { port, protocol }: Pick<Target, 'port' | 'protocol'>,
): Promise<Measurement> {
  const host = lab.balancerAddress('lb-layers')
  const found = await reach(lab.from('internet'), { host, port, protocol })
  return reachMeasurement([{ where: `${host}:${port}/${protocol}`, found }])
}

/** @throws FairleadError `MISSING_TOOL` where there is nobody to carry it */
export async function measureHttp(lab: Lab): Promise<Measurement> {
  findHaproxy()
  const target = tcp(lab.balancerAddress('lb-layers'), 80)
  return layer7(target, await ask(lab.from('internet'), target))
}

/** The load balancer ends TLS with the certificate that it was given. @throws as {@link measureHttp} */
export async function measureHttps(lab: Lab): Promise<Measurement> {
  findHaproxy()
  const target = tcp(lab.balancerAddress('lb-layers'), 443)
  return layer7(target, await askTls(lab.from('internet'), target, { ca: lab.trusted, servername: SITE_NAME }))
}

/** Layer 7 is what speaks HTTP itself: the pod sees the load balancer, and the client in a header only. */
function layer7({ host, port }: Target, { pod, forwardedFor }: EchoAnswer): Measurement {
  return {
    value: forwardedFor === INTERNET_ADDRESS ? VALUES.reachable : 'no layer 7',
    evidence: [`${host}:${port} answers: ${pod}, which was told X-Forwarded-For: ${forwardedFor ?? 'nothing'}`],
  }
}

/** By its name, then every address of it. */
export async function measureHeadless(lab: Lab, client: ClientClass): Promise<Measurement> {
  return byName(lab, client, { service: 'headless', port: 8080 })
}

export async function measureExternal(lab: Lab, client: ClientClass): Promise<Measurement> {
  return byName(lab, client, { service: 'external', port: 80 })
}

async function byName(
  lab: Lab,
  client: ClientClass,
  { service, port }: { readonly service: string; readonly port: number },
): Promise<Measurement> {
  const from = lab.from(client.id)
  const name = fullName(lab, service)
  try {
    const { addresses } = await askName(from, lab.cluster.spec.dnsAddress, name)
    const ways = addresses.map(async (host) => ({
      where: `${host}:${port}`,
      found: await reach(from, tcp(host, port)),
    }))
    const found = reachMeasurement(await Promise.all(ways))
    return { ...found, evidence: [`${name} is ${addresses.join(', ') || 'unknown'}`, ...found.evidence] }
  } catch (error) {
    const found: Reach = { kind: 'not', how: howItFailed(error) }
    return reachMeasurement([{ where: `${name}, asked of ${lab.cluster.spec.dnsAddress}`, found }])
  }
}
