import type { Node, NodeAddress, Taint } from '../../kube/types/core.ts'
import { instanceIdOf } from '../node-facts.ts'

/** A machine, as far as nodes tell about it. */
export interface Machine {
  readonly id: string
  readonly name: string
  readonly instanceType: string
  readonly zoneId: string
  readonly privateAddress: string
  readonly publicAddress: string
}

/** What is missing on a node; nothing when all is there. */
export interface NodeChange {
  readonly providerId?: string
  readonly labels: Readonly<Record<string, string>>
  /** All of them, when some are missing. */
  readonly addresses?: readonly NodeAddress[]
  /** The others, when the one that holds pods back until a node is known to the cloud has to go. */
  readonly taints?: readonly Taint[]
}

/** Put on nodes by kubelets with an external cloud provider. */
export const UNINITIALIZED_TAINT = 'node.cloudprovider.kubernetes.io/uninitialized'

/** The machine of a node: by its provider id, else by its address, else by its name. */
export function machineOf(node: Node, machines: readonly Machine[]): Machine | undefined {
  const id = instanceIdOf(node)
  if (id !== undefined) return machines.find((machine) => machine.id === id)
  const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  return (
    machines.find(({ privateAddress }) => privateAddress !== '' && privateAddress === address) ??
    machines.find(({ name }) => name === node.metadata.name)
  )
}

/** What the cloud knows of a node and the node does not yet say. */
export function planNode(node: Node, machine: Machine, region: string): NodeChange | undefined {
  const labels = missingLabels(node, {
    'topology.kubernetes.io/region': region,
    'failure-domain.beta.kubernetes.io/region': region,
    'topology.kubernetes.io/zone': machine.zoneId,
    'failure-domain.beta.kubernetes.io/zone': machine.zoneId,
    'node.kubernetes.io/instance-type': machine.instanceType,
    'beta.kubernetes.io/instance-type': machine.instanceType,
  })
  const providerId = (node.spec?.providerID ?? '') === '' ? `${region}.${machine.id}` : undefined
  const addresses = addressesWith(node, machine)
  const taints = node.spec?.taints?.some(({ key }) => key === UNINITIALIZED_TAINT)
    ? node.spec.taints.filter(({ key }) => key !== UNINITIALIZED_TAINT)
    : undefined
  if (providerId === undefined && addresses === undefined && taints === undefined && Object.keys(labels).length === 0) {
    return undefined
  }
  return {
    labels,
    ...(providerId === undefined ? {} : { providerId }),
    ...(addresses === undefined ? {} : { addresses }),
    ...(taints === undefined ? {} : { taints }),
  }
}

function missingLabels({ metadata }: Node, wanted: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const missing = Object.entries(wanted).filter(([name, value]) => value !== '' && metadata.labels?.[name] !== value)
  return Object.fromEntries(missing)
}

/** Those that the kubelet reported, and the machine's; `undefined` when none is missing. */
function addressesWith({ status }: Node, machine: Machine): readonly NodeAddress[] | undefined {
  const known = status?.addresses ?? []
  const wanted: NodeAddress[] = [
    { type: 'InternalIP', address: machine.privateAddress },
    { type: 'ExternalIP', address: machine.publicAddress },
  ]
  const missing = wanted.filter(
    ({ type, address }) => address !== '' && !known.some((one) => one.type === type && one.address === address),
  )
  return missing.length === 0 ? undefined : [...known, ...missing]
}
