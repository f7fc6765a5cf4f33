import { isIPv6 } from 'node:net'
import { SERVICE_NAME_LABEL } from '../kube/endpoint-slice.ts'
import type { Draft } from '../kube/kind.ts'
import { SYSTEM_PRIORITY_CLASSES } from '../kube/kinds/priority-class.ts'
import {
  apiVersionOf,
  clusterRoleBindings,
  clusterRoles,
  endpointSlices,
  endpoints,
  ipAddresses,
  namespaces,
  priorityClasses,
  type Resource,
  roleBindings,
  roles,
  serviceCidrs,
  services,
} from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../kube/types/rbac.ts'
import type { Compare, Operation } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import { decodedObject } from './decoded.ts'
import { encodeObject } from './object-bytes.ts'
import { objectKey } from './object-key.ts'
import { stampNew } from './object-meta.ts'
import {
  defaultClusterRoleBindings,
  defaultClusterRoles,
  defaultNamespaceRoles,
  reconciled,
} from './rbac/bootstrap-policy.ts'

export interface BootstrapOptions {
  /** Where the API server is reached from within the cluster. */
  readonly advertise: { readonly address: string; readonly port: number }
  /** Ranges that ClusterIPs come from, one per family, the primary one first. */
  readonly serviceCidrs: readonly string[]
  /** Address of the Service `kubernetes`: the first of the first range. */
  readonly kubernetesIp: string
}

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']
const ATTEMPTS = 5

interface Wanted {
  readonly resource: Resource<KubeObject>
  readonly object: Draft
  /** What becomes of it when it is there already; `undefined`: it stays. */
  readonly refresh: (present: KubeObject) => object | undefined
}

const keep = () => undefined

/** Makes what every cluster has, in one transaction: namespaces, the Service `kubernetes` with its endpoints, the ServiceCIDR, roles. */
export async function bootstrapObjects(context: ApiContext, options: BootstrapOptions): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const compares: Compare[] = []
    const operations: Operation[] = []
    for (const wanted of wantedObjects(options)) addWrite(context, wanted, { compares, operations })
    if (operations.length === 0) return
    if ((await context.store.transact(compares, operations)).committed) return
  }
}

function addWrite(
  context: ApiContext,
  { resource, object, refresh }: Wanted,
  writes: { compares: Compare[]; operations: Operation[] },
): void {
  const metadata = object.metadata as Draft
  const key = objectKey(resource, metadata.namespace as string | undefined, String(metadata.name))
  const entry = context.store.get(key)
  const kind = context.kinds.find(resource.group, resource.version, resource.plural)
  if (kind === undefined) return
  kind.default?.(object)
  let written: object | undefined = object
  if (entry === undefined) {
    stampNew(kind, metadata, context)
    kind.prepare?.(object, undefined)
  } else written = refresh(decodedObject(entry))
  if (written === undefined) return
  const value = encodeObject(written as Draft)
  if (entry !== undefined && Buffer.from(entry.value).equals(value)) return
  writes.compares.push({ key, modRevision: entry?.modRevision ?? 0 })
  writes.operations.push({ type: 'put', key, value })
}

function wantedObjects(options: BootstrapOptions): readonly Wanted[] {
  const { advertise, kubernetesIp } = options
  const family = isIPv6(kubernetesIp) ? 'IPv6' : 'IPv4'
  const inDefault = { name: 'kubernetes', namespace: 'default' }
  return [
    ...NAMESPACES.map((name) => wanted(namespaces, { metadata: { name } })),
    wanted(serviceCidrs, {
      metadata: { name: 'kubernetes', finalizers: ['networking.k8s.io/service-cidr-finalizer'] },
      spec: { cidrs: options.serviceCidrs },
    }),
    wanted(ipAddresses, ipAddress(kubernetesIp, family)),
    wanted(services, {
      metadata: { ...inDefault, labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: {
        type: 'ClusterIP',
        clusterIP: kubernetesIp,
        clusterIPs: [kubernetesIp],
        ipFamilies: [family],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: advertise.port }],
      },
    }),
    wanted(
      endpoints,
      {
        metadata: { ...inDefault, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
        subsets: subsets(advertise),
      },
      replaced,
    ),
    wanted(
      endpointSlices,
      {
        metadata: { ...inDefault, labels: { [SERVICE_NAME_LABEL]: 'kubernetes' } },
        addressType: isIPv6(advertise.address) ? 'IPv6' : 'IPv4',
        endpoints: [{ addresses: [advertise.address], conditions: { ready: true } }],
        ports: [{ name: 'https', protocol: 'TCP', port: advertise.port }],
      },
      replaced,
    ),
    ...SYSTEM_PRIORITY_CLASSES.map((body) => wanted(priorityClasses, { ...body })),
    ...wantedRoles(),
  ]
}

function wantedRoles(): readonly Wanted[] {
  const wantedOf = <T extends ClusterRole | ClusterRoleBinding | Role | RoleBinding>(
    resource: Resource<T>,
    object: T,
  ): Wanted => ({
    resource,
    object: object as unknown as Draft,
    refresh: (present) => reconciled(present as T, object),
  })
  return [
    ...defaultClusterRoles().map((role) => wantedOf(clusterRoles, role)),
    ...defaultClusterRoleBindings().map((binding) => wantedOf(clusterRoleBindings, binding)),
    ...defaultNamespaceRoles().map((object) =>
      'roleRef' in object ? wantedOf(roleBindings, object) : wantedOf(roles, object),
    ),
  ]
}

type Refresh = (wanted: Draft) => Wanted['refresh']

/** Its content is brought up to date. */
const replaced: Refresh = (object) => (present) => {
  const { name: _, namespace: __, ...metadata } = present.metadata
  return { ...object, metadata: { ...metadata, ...(object.metadata as Draft) } }
}

function wanted(resource: Resource<KubeObject>, body: Draft, refresh: Refresh = () => keep): Wanted {
  const object: Draft = { kind: resource.kind, apiVersion: apiVersionOf(resource), ...body }
  return { resource, object, refresh: refresh(object) }
}

function subsets({ address, port }: BootstrapOptions['advertise']): readonly object[] {
  return [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }]
}

function ipAddress(ip: string, family: string): Draft {
  const labels = {
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
    'ipaddress.kubernetes.io/ip-family': family,
  }
  const parentRef = { group: '', resource: 'services', namespace: 'default', name: 'kubernetes' }
  return { metadata: { name: ip, labels }, spec: { parentRef } }
}
