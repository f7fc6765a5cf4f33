/** The tables of the two networks: a cell per row and policy; of access inside, one per client too. */
import type { Cell, Measurement, Setting } from '../cell.ts'
import { type ClientClass, INSIDE, INTERNET } from '../clients.ts'
import {
  NAMED_FAILURE,
  NETWORK_TABLES,
  POLICIES,
  POLICY_TABLES,
  type Policy,
  type PolicyItem,
  TYPES,
  TYPES_TABLE,
  VALUES,
  WITH_WRR,
} from '../documented.ts'
import { converse, countEach, isEven, nodeOfSource, reach, sourceOf, tally } from '../experiments.ts'
import { INTERNET_ADDRESS, type Lab } from '../lab.ts'
import { BACKEND_NODES, BACKENDS, balancerName } from '../scene.ts'
import { upstreamAccess } from '../upstream.ts'
import { reachMeasurement } from './reach-measurement.ts'

/** A multiple of what turns repeat after: nodes, pods, weights. */
const CONNECTIONS = 72
const STICKY_CONNECTIONS = 24

export function policyCells(setting: Setting): Cell[] {
  return POLICIES.flatMap((policy) => [
    attachment(setting, policy),
    quota(setting, policy),
    ...INSIDE.map((client) => access(setting, policy, client)),
    fromInternet(policy),
    balance(setting, policy),
    balanceWithWrr(setting, policy),
    source(setting, policy),
    persistence(setting, policy),
  ])
}

/** The failure that the document names; there is no such cluster in other settings. */
export function namedFailure(setting: Setting): Cell[] {
  if (setting.network !== 'flannel' || setting.proxyMode !== 'ipvs') return []
  const { table, item, line } = NAMED_FAILURE
  return INSIDE.filter(({ besideBackend }) => !besideBackend).map((client) => ({
    id: `${item}/${client.id}`,
    table,
    item,
    column: client.text,
    services: [balancerName('Local')],
    documented: { value: VALUES.unreachable, line },
    measure: (lab) => measureAccess(lab, 'Local', client),
  }))
}

function head(setting: Setting, item: PolicyItem, policy: Policy): Omit<Cell, 'measure' | 'services'> {
  return {
    id: `${item}/${policy}`,
    table: NETWORK_TABLES[setting.network],
    item,
    column: policy,
    documented: POLICY_TABLES[setting.network][item][policy],
  }
}

function attachment(setting: Setting, policy: Policy): Cell {
  return {
    ...head(setting, 'Backend server attachment', policy),
    services: [balancerName(policy)],
    async measure(lab) {
      const servers = await lab.serversOf(balancerName(policy))
      const names = servers.map(({ serverId, serverIp }) => serverName(lab, serverId, serverIp))
      const evidence = servers.map(
        ({ port, weight, type }, index) => `${names[index]}:${port} is attached (${type}, weight ${weight})`,
      )
      return { value: attachedValue(lab, names), evidence }
    },
  }
}

function attachedValue(lab: Lab, names: readonly string[]): string {
  const kinds = [
    [VALUES.backendNodes, BACKEND_NODES],
    [VALUES.allNodes, lab.cluster.spec.nodes.map(({ name }) => name)],
    [VALUES.pods, BACKENDS.map(({ name }) => name)],
  ] as const
  const sorted = [...names].sort().join(', ')
  return kinds.find(([, wanted]) => [...wanted].sort().join(', ') === sorted)?.[0] ?? (sorted || 'nobody')
}

/** The node or the pod that a server is. */
function serverName(lab: Lab, serverId: string, serverIp: string): string {
  const node = lab.cluster.spec.nodes.find(({ name }) => lab.machineOf(name) === serverId)
  const pod = [...lab.backendAddresses()].find(([, address]) => address === serverIp)
  return pod?.[0] ?? node?.name ?? `${serverId} ${serverIp}`.trim()
}

function quota(setting: Setting, policy: Policy): Cell {
  return {
    ...head(setting, 'Load balancer quota', policy),
    services: [balancerName(policy)],
    async measure(lab) {
      const { id } = await lab.instanceOf(balancerName(policy))
      const used = await lab.cloud.serverQuotaUsed(id)
      const [nodes, pods, backendNodes] = [lab.nodes.length, BACKENDS.length, BACKEND_NODES.length]
      const units = new Map<number, string>([
        [backendNodes, VALUES.unitPerBackendNode],
        [nodes, VALUES.unitPerNode],
        [pods, VALUES.unitPerPod],
      ])
      return {
        value: units.get(used) ?? `${used} units`,
        evidence: [
          `${id} uses ${used} of slb_quota_backendservers_num`,
          `there are ${nodes} nodes, ${backendNodes} with backend pods, and ${pods} pods`,
        ],
      }
    },
  }
}

function access(setting: Setting, policy: Policy, client: ClientClass): Cell {
  const base = head(setting, 'Intra-cluster access to Service', policy)
  const documented = base.documented
  const upstream = upstreamAccess(setting, policy, client)
  return {
    ...base,
    id: `${base.id}/${client.id}`,
    column: `${policy}, ${client.text}`,
    services: [balancerName(policy)],
    ...(documented === undefined
      ? {}
      : { documented: { ...documented, value: accessValue(documented.value, client) } }),
    ...(upstream === undefined ? {} : { upstream }),
    measure: (lab) => measureAccess(lab, policy, client),
  }
}

function accessValue(from: string, { besideBackend }: ClientClass): string {
  return from === VALUES.allNodes || besideBackend === true ? VALUES.reachable : VALUES.unreachable
}

async function measureAccess(lab: Lab, policy: Policy, client: ClientClass): Promise<Measurement> {
  const host = lab.balancerAddress(balancerName(policy))
  const found = await reach(lab.from(client.id), { host, port: 80, protocol: 'TCP' })
  return reachMeasurement([{ where: `${host}:80`, found }])
}

function fromInternet(policy: Policy): Cell {
  return {
    id: `LoadBalancer/${policy}/${INTERNET.id}`,
    table: TYPES_TABLE,
    item: 'LoadBalancer',
    column: `${policy}, ${INTERNET.text}`,
    services: [balancerName(policy)],
    documented: TYPES.loadBalancer,
    measure: (lab) => measureAccess(lab, policy, INTERNET),
  }
}

function balance(setting: Setting, policy: Policy): Cell {
  return {
    ...head(setting, 'Pod load balancing', policy),
    services: [balancerName(policy)],
    measure: (lab) => measureBalance(lab, balancerName(policy)),
  }
}

function balanceWithWrr(setting: Setting, policy: Policy): Cell {
  const base = head(setting, 'Pod load balancing', policy)
  const service = `${balancerName(policy)}-wrr`
  return {
    ...base,
    id: `${base.id}/wrr`,
    column: `${policy}, scheduler wrr`,
    services: [service],
    documented: WITH_WRR,
    measure: (lab) => measureBalance(lab, service),
  }
}

async function measureBalance(lab: Lab, service: string): Promise<Measurement> {
  const host = lab.balancerAddress(service)
  const answers = await converse(lab.from('internet'), { host, port: 80, protocol: 'TCP' }, CONNECTIONS)
  const pods = answers.map(({ pod }) => pod)
  const even = isEven(
    countEach(pods),
    BACKENDS.map(({ name }) => name),
  )
  return {
    value: even ? VALUES.even : VALUES.uneven,
    evidence: [`${CONNECTIONS} connections from the internet to ${host}:80: ${tally(pods)}`],
  }
}

function source(setting: Setting, policy: Policy): Cell {
  return {
    ...head(setting, 'Source IP preservation', policy),
    services: [balancerName(policy)],
    async measure(lab) {
      const host = lab.balancerAddress(balancerName(policy))
      const answers = await converse(lab.from('internet'), { host, port: 80, protocol: 'TCP' }, CONNECTIONS / 4)
      const sources = answers.map(sourceOf)
      const preserved = sources.every((address) => address === INTERNET_ADDRESS)
      return {
        value: preserved ? VALUES.preserved : VALUES.notPreserved,
        evidence: [
          `the client is ${INTERNET_ADDRESS}; pods saw ${tally(sources.map((address) => whose(lab, address)))}`,
        ],
      }
    },
  }
}

function whose(lab: Lab, address: string): string {
  const node = nodeOfSource(lab, address)
  return node === undefined ? address : `${address} (of ${node})`
}

function persistence(setting: Setting, policy: Policy): Cell {
  const service = `${balancerName(policy)}-sticky`
  return {
    ...head(setting, 'Session persistence', policy),
    services: [service],
    async measure(lab) {
      const host = lab.balancerAddress(service)
      const answers = await converse(lab.from('internet'), { host, port: 80, protocol: 'TCP' }, STICKY_CONNECTIONS)
      const pods = answers.map(({ pod }) => pod)
      return {
        value: new Set(pods).size === 1 ? VALUES.kept : VALUES.notKept,
        evidence: [
          `${STICKY_CONNECTIONS} connections of one client with persistence-timeout 300: ${tally(pods)}`,
          'its pods are on nodes of their own: of several on a node, the load balancer keeps the node',
        ],
      }
    },
  }
}
