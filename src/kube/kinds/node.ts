import type { KindDefinition } from '../kind.ts'
import { nodes } from '../resource.ts'
import type { Node, NodeAddress } from '../types/core.ts'
import { ensureObject, setDefault } from './draft.ts'
import { validateNode } from './node-validation.ts'
import { ageColumn } from './printing.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'
const ROLE_LABEL = 'kubernetes.io/role'

/** v1 Node. */
export const nodeKind: KindDefinition<Node> = {
  resource: nodes,
  listKind: 'NodeList',
  singular: 'node',
  shortNames: ['no'],
  subresources: ['status', 'proxy'],
  generation: false,
  default(draft) {
    const spec = ensureObject(draft, 'spec')
    // One range is the first of several (upstream `Convert_v1_NodeSpec_To_core_NodeSpec` and back).
    if (typeof spec.podCIDR === 'string' && spec.podCIDR !== '') setDefault(spec, 'podCIDRs', [spec.podCIDR])
    else if (Array.isArray(spec.podCIDRs) && spec.podCIDRs.length > 0) spec.podCIDR = spec.podCIDRs[0]
    ensureObject(draft, 'status')
  },
  validate: validateNode,
  selectableFields: {
    'spec.unschedulable': (node) => String(node.spec?.unschedulable ?? false),
  },
  columns: [
    { name: 'Status', type: 'string', description: 'The status of the node', cell: statusCell },
    { name: 'Roles', type: 'string', description: 'The roles of the node', cell: rolesCell },
    ageColumn,
    {
      name: 'Version',
      type: 'string',
      description: 'Kubelet Version reported by the node.',
      cell: (node) => node.status?.nodeInfo?.kubeletVersion ?? '',
    },
    wide('Internal-IP', (node) => address(node, 'InternalIP')),
    wide('External-IP', (node) => address(node, 'ExternalIP')),
    wide('OS-Image', (node) => node.status?.nodeInfo?.osImage ?? '<unknown>'),
    wide('Kernel-Version', (node) => node.status?.nodeInfo?.kernelVersion ?? '<unknown>'),
    wide('Container-Runtime', (node) => node.status?.nodeInfo?.containerRuntimeVersion ?? '<unknown>'),
  ],
  mergeLists: {
    'status.conditions': { keys: ['type'] },
    'status.addresses': { keys: ['type'] },
    'spec.podCIDRs': { keys: [] },
  },
}

function wide(name: string, cell: (node: Node) => string): KindDefinition<Node>['columns'][number] {
  return { name, type: 'string', priority: 1, description: `${name} of the node.`, cell }
}

function statusCell(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return node.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state
}

function rolesCell(node: Node): string {
  const labels = Object.entries(node.metadata.labels ?? {})
  const prefixed = labels.filter(([key]) => key.startsWith(ROLE_PREFIX)).map(([key]) => key.slice(ROLE_PREFIX.length))
  const named = labels.filter(([key]) => key === ROLE_LABEL).map(([, value]) => value)
  const roles = [...new Set([...prefixed, ...named])].filter((role) => role !== '').sort()
  return roles.length === 0 ? '<none>' : roles.join(',')
}

function address(node: Node, type: NodeAddress['type']): string {
  return node.status?.addresses?.find((each) => each.type === type)?.address ?? '<none>'
}
