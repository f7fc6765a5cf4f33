/** How each cell of the matrix is broken on purpose: a table of mistakes, with the cells that must notice. */
import { defaultInstanceName } from '../../src/ccm/names.ts'
import { INTERNET_ROUTERS } from '../../src/cloud/fabric/fabric-names.ts'
import { regionIds } from '../../src/cloud/region.ts'
import { pods, services } from '../../src/kube/resource.ts'
import { RouteSocket } from '../../src/linux/netlink/route/socket.ts'
import type { Cell, Setting } from '../../src/matrix/cell.ts'
import { INSIDE } from '../../src/matrix/clients.ts'
import { expected } from '../../src/matrix/compare.ts'
import { POLICIES, VALUES } from '../../src/matrix/documented.ts'
import type { Lab } from '../../src/matrix/lab.ts'
import {
  balancerName,
  LAYER_7,
  NAMESPACE,
  NODE_ELSEWHERE,
  PERSISTENCE,
  PROTOCOL_PORT,
  SCHEDULER,
} from '../../src/matrix/scene.ts'
import { cleanup } from '../../src/proxy/cleanup.ts'

export interface Break {
  /** What is wrong. */
  readonly name: string
  /** Ids of the cells that must see it. */
  readonly cells: readonly string[]
  /** The only Service that it changes; left out when it touches others. */
  readonly service?: string
  /** Makes it so; returns what mends it. */
  readonly apply: (lab: Lab) => Promise<() => Promise<unknown>>
}

/** The breaks that make sense in a setting. */
export function breaksOf(setting: Setting, cells: readonly Cell[]): Break[] {
  const terway = setting.network === 'terway-eniip'
  return [
    // First, while the cloud controller has nothing to do: it would put right what it meets at its next change.
    ...(terway ? POLICIES.flatMap(atTheConsole) : []),
    ...typeBreaks(),
    bills(),
    theInternetComesIn(),
    ...layerBreaks(),
    ...POLICIES.flatMap((policy) => nobodyIsSelected(policy, cells)),
    ...(terway ? terwayBreaks(cells) : flannelBreaks(cells)),
    ...(terway ? [] : [rulesAreGone()]),
  ]
}

function typeBreaks(): Break[] {
  const inside = INSIDE.map(({ id }) => id)
  const everybody = [...inside, 'internet']
  return [
    {
      name: 'the ClusterIP Service selects nobody',
      cells: [...inside.map((id) => `ClusterIP/${id}`), 'ClusterIP/scheduling'],
      ...patch('clusterip', NOBODY, WEB),
    },
    {
      name: 'the ClusterIP Service has become an ExternalName',
      cells: ['ClusterIP/DNS answer'],
      ...patch(
        'clusterip',
        { spec: { type: 'ExternalName', externalName: 'elsewhere.example.com' } },
        { spec: { type: 'ClusterIP', externalName: null } },
      ),
    },
    {
      name: 'the NodePort Service selects nobody',
      cells: everybody.map((id) => `NodePort/${id}`),
      ...patch('nodeport', NOBODY, WEB),
    },
    {
      name: 'the NodePort Service has the policy Local',
      cells: ['NodePort/bottleneck', 'NodePort/internet'],
      ...patch('nodeport', policy('Local'), policy('Cluster')),
    },
    {
      name: 'the NodePort Service has become a ClusterIP',
      cells: ['NodePort/port range'],
      ...patch('nodeport', { spec: { type: 'ClusterIP' } }, { spec: { type: 'NodePort' } }),
    },
    {
      name: 'the headless Service selects nobody',
      cells: [...inside.map((id) => `Headless Service/${id}`), 'Headless Service/DNS answer'],
      ...patch('headless', NOBODY, WEB),
    },
    {
      name: 'the ExternalName leads to a name that nobody has',
      cells: [...inside.map((id) => `ExternalName/${id}`), 'ExternalName/DNS answer'],
      ...patch(
        'external',
        { spec: { externalName: 'gone.example.com' } },
        { spec: { externalName: 'db.example.com' } },
      ),
    },
  ]
}

/** Somebody buys an instance for each Service that is said to be free. */
function bills(): Break {
  const free = ['clusterip', 'nodeport', 'headless', 'external']
  return {
    name: 'somebody buys load balancers in the name of Services that need none',
    cells: ['ClusterIP', 'NodePort', 'Headless Service', 'ExternalName'].map((type) => `${type}/billing`),
    async apply(lab) {
      const bought = free.map(async (name) => {
        const { LoadBalancerId } = await lab.cloud.call('slb', 'CreateLoadBalancer', {
          AddressType: 'internet',
          InstanceChargeType: 'PayByCLCU',
          'Tag.1.Key': 'kubernetes.do.not.delete',
          'Tag.1.Value': defaultInstanceName(lab.service(name)),
        })
        return LoadBalancerId
      })
      const ids = await Promise.all(bought)
      return () =>
        Promise.all(ids.map((LoadBalancerId) => lab.cloud.call('slb', 'DeleteLoadBalancer', { LoadBalancerId })))
    },
  }
}

/** The internet gets routes to what is inside, the VPC hands Service addresses to a node that serves them, and the door is open. */
function theInternetComesIn(): Break {
  return {
    name: 'the internet has routes to Services and pods',
    cells: ['ClusterIP/internet', 'Headless Service/internet', 'ExternalName/internet'],
    async apply(lab) {
      const { serviceCidrs, clusterCidrs, vpcCidr, dnsAddress, nodes } = lab.cluster.spec
      const [router = ''] = INTERNET_ROUTERS[0].split('/')
      const [serviceCidr = ''] = serviceCidrs
      const addressOf = (name: string | undefined) => nodes.find((node) => node.name === name)?.address ?? ''
      // A node that has a pod of the DNS: under Terway answers of others would come back another way.
      const { items } = await lab.cluster.client.list(pods, {
        namespace: 'kube-system',
        labelSelector: 'k8s-app=kube-dns',
      })
      const inner = [serviceCidr, ...clusterCidrs].map((destination) => ({ destination, gateway: addressOf('node-1') }))
      const vpc = [...inner, { destination: `${dnsAddress}/32`, gateway: addressOf(items[0]?.spec.nodeName) }]
      const outside = [serviceCidr, ...clusterCidrs, vpcCidr].map((destination) => ({ destination, gateway: router }))
      const places = [
        { netns: lab.vpcNetns, routes: vpc },
        { netns: lab.cluster.internet, routes: outside },
      ]
      for (const { netns, routes } of places) {
        using socket = RouteSocket.open(netns)
        for (const route of routes) socket.replaceRoute(route)
      }
      const opening = {
        SecurityGroupId: regionIds(lab.cluster.spec.name).securityGroupId,
        IpProtocol: 'tcp',
        PortRange: '8080/8080',
        SourceCidrIp: '198.51.100.0/24',
      }
      await lab.cloud.call('ecs', 'AuthorizeSecurityGroup', opening)
      return async () => {
        await lab.cloud.call('ecs', 'RevokeSecurityGroup', opening)
        for (const { netns, routes } of places) {
          using socket = RouteSocket.open(netns)
          for (const route of routes) socket.deleteRoute(route)
        }
      }
    },
  }
}

function layerBreaks(): Break[] {
  return [
    {
      name: 'nobody is behind the listeners of layer 4',
      cells: ['LoadBalancer/layer 4, TCP', 'LoadBalancer/layer 4, UDP'],
      ...patch('lb-layers', NOBODY, WEB),
    },
    {
      name: 'the listener of layer 7 has become one of layer 4',
      cells: ['LoadBalancer/layer 7, HTTP', 'LoadBalancer/layer 7, HTTPS'],
      ...patch('lb-layers', annotation(PROTOCOL_PORT, null), annotation(PROTOCOL_PORT, LAYER_7)),
    },
    {
      name: 'the load balancer is given up',
      cells: ['LoadBalancer/billing'],
      ...patch('lb-layers', { spec: { type: 'ClusterIP' } }, { spec: { type: 'LoadBalancer' } }),
    },
  ]
}

/** Whoever has access loses it. */
function nobodyIsSelected(of: (typeof POLICIES)[number], cells: readonly Cell[]): Break[] {
  const service = balancerName(of)
  const open = cells.filter((cell) => cell.services.join() === service && expected(cell)?.value === VALUES.reachable)
  return [
    {
      name: `the load balancer with policy ${of} selects nobody`,
      cells: open.map(({ id }) => id),
      ...patch(service, NOBODY, WEB),
    },
  ]
}

/** Where the policy Local keeps somebody out. */
function closedUnderLocal(cells: readonly Cell[]): string[] {
  const service = balancerName('Local')
  const closed = cells.filter(
    (cell) => cell.services.join() === service && expected(cell)?.value === VALUES.unreachable,
  )
  return closed.map(({ id }) => id)
}

const ITEMS = [
  'Backend server attachment',
  'Load balancer quota',
  'Pod load balancing',
  'Source IP preservation',
] as const

function flannelBreaks(cells: readonly Cell[]): Break[] {
  return [
    {
      name: 'the policy is Cluster where it should be Local',
      cells: [...ITEMS.map((item) => `${item}/Local`), ...closedUnderLocal(cells)],
      ...patch('lb-local', policy('Cluster'), policy('Local')),
    },
    {
      name: 'the policy is Local where it should be Cluster',
      cells: ITEMS.map((item) => `${item}/Cluster`),
      ...patch('lb-cluster', policy('Local'), policy('Cluster')),
    },
    {
      name: 'the annotation asks for another scheduler',
      cells: ['Pod load balancing/Local/wrr'],
      ...patch('lb-local-wrr', annotation(SCHEDULER, 'rr'), annotation(SCHEDULER, 'wrr')),
    },
    {
      name: 'the Service binds clients to pods',
      cells: ['Pod load balancing/Cluster/wrr'],
      ...patch('lb-cluster-wrr', affinity('ClientIP'), affinity('None')),
    },
    persistenceIsOff('Local'),
    {
      name: 'the Service keeps what the load balancer cannot',
      cells: ['Session persistence/Cluster'],
      ...patch('lb-cluster-sticky', affinity('ClientIP'), affinity('None')),
    },
  ]
}

function atTheConsole(of: (typeof POLICIES)[number]): Break[] {
  return [
    {
      name: `a pod is taken from the load balancer with policy ${of} at the console`,
      cells: [`Backend server attachment/${of}`, `Load balancer quota/${of}`, `Pod load balancing/${of}`],
      service: balancerName(of),
      apply: (lab) => changeServer(lab, balancerName(of), ['Remove', 'Add']),
    },
    {
      name: `a pod behind the load balancer with policy ${of} has the weight 0`,
      cells: [`Pod load balancing/${of}/wrr`],
      service: `${balancerName(of)}-wrr`,
      apply: (lab) => changeServer(lab, `${balancerName(of)}-wrr`, ['Weight 0', 'Weight 100']),
    },
  ]
}

function terwayBreaks(cells: readonly Cell[]): Break[] {
  return [
    {
      name: 'the policy is Cluster where it should be Local',
      cells: closedUnderLocal(cells),
      ...patch('lb-local', policy('Cluster'), policy('Local')),
    },
    ...POLICIES.flatMap((of): Break[] => [
      {
        name: `the listener with policy ${of} is of layer 7`,
        cells: [`Source IP preservation/${of}`],
        ...patch(balancerName(of), annotation(PROTOCOL_PORT, 'http:80'), annotation(PROTOCOL_PORT, null)),
      },
      persistenceIsOff(of),
    ]),
  ]
}

function persistenceIsOff(of: (typeof POLICIES)[number]): Break {
  return {
    name: `persistence is off with policy ${of}`,
    cells: [`Session persistence/${of}`],
    ...patch(`${balancerName(of)}-sticky`, annotation(PERSISTENCE, '0'), annotation(PERSISTENCE, '300')),
  }
}

type ServerChange = 'Remove' | 'Add' | 'Weight 0' | 'Weight 100'

/** Changes the first server of a Service's instance through the OpenAPI, as a person at the console does. */
async function changeServer(
  lab: Lab,
  service: string,
  [change, mend]: readonly [ServerChange, ServerChange],
): Promise<() => Promise<unknown>> {
  const [server] = await lab.serversOf(service)
  if (server === undefined) throw new Error(`${service} has no server`)
  const { groupId: VServerGroupId, serverId: ServerId, serverIp: ServerIp, port: Port, type: Type, weight } = server
  const Description = server.description
  const call = (what: ServerChange) => {
    const action =
      what === 'Remove'
        ? 'RemoveVServerGroupBackendServers'
        : what === 'Add'
          ? 'AddVServerGroupBackendServers'
          : 'SetVServerGroupAttribute'
    const Weight = what === 'Weight 0' ? 0 : weight
    const BackendServers = JSON.stringify([{ ServerId, ServerIp, Port, Type, Weight, Description }])
    return lab.cloud.call('slb', action, { VServerGroupId, BackendServers })
  }
  await call(change)
  return () => call(mend)
}

/** A node whose proxy cannot mend them, since it is held. */
function rulesAreGone(): Break {
  return {
    name: 'the rules of a node are gone',
    cells: ['pod-elsewhere', 'node-elsewhere'].flatMap((id) => [
      `ClusterIP/${id}`,
      `Intra-cluster access to Service/Cluster/${id}`,
    ]),
    async apply(lab) {
      const pid = lab.cluster.processes().get(NODE_ELSEWHERE)
      if (pid === undefined) throw new Error(`${NODE_ELSEWHERE} has no agent`)
      process.kill(pid, 'SIGSTOP')
      cleanup(lab.cluster.nodeNetns(NODE_ELSEWHERE))
      return async () => process.kill(pid, 'SIGCONT')
    },
  }
}

const NOBODY = { spec: { selector: { app: 'nobody' } } }
const WEB = { spec: { selector: { app: 'web' } } }

function policy(externalTrafficPolicy: string): object {
  return { spec: { externalTrafficPolicy } }
}

function affinity(sessionAffinity: string): object {
  return { spec: { sessionAffinity } }
}

function annotation(name: string, value: string | null): object {
  return { metadata: { annotations: { [name]: value } } }
}

/** Changes one Service by merge patches. */
export function patch(service: string, change: object, mend: object): Pick<Break, 'service' | 'apply'> {
  return {
    service,
    async apply({ cluster: { client } }) {
      const key = { namespace: NAMESPACE, name: service }
      await client.patch(services, key, { type: 'merge', body: change })
      return () => client.patch(services, key, { type: 'merge', body: mend })
    },
  }
}
