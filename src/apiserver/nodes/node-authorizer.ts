import type { Pod } from '../../kube/types/core.ts'
import type { Attributes, Authorizer, Decision } from '../authorization.ts'
import type { ApiContext } from '../context.ts'
import { CompiledRules } from '../rbac/compiled-rules.ts'
import { DEFAULT_ROLES } from '../rbac/default-roles.ts'
import { readRules } from '../rbac/rule-notation.ts'
import { nodeOf } from './node-user.ts'
import { anyPodOn, findPod, refersTo } from './pod-references.ts'

const allowed: Decision = { allowed: true, reason: '' }
const LEASE_NAMESPACE = 'kube-node-lease'

/** A node's request. */
interface Asked extends Attributes {
  readonly node: string
}

type Store = Pick<ApiContext['store'], 'get' | 'list'>

/**
 * Gives a kubelet (`system:node:NAME` of `system:nodes`) what the cluster role `system:node` says, as far as it concerns
 * its node: its Node and Lease, the pods bound to it, and the Secrets, ConfigMaps and service accounts that they name.
 */
export function nodeAuthorizer(store: Store): Authorizer {
  const rules = new CompiledRules(readRules(DEFAULT_ROLES['system:node'] ?? ''))
  return {
    decide(user, attributes) {
      const node = nodeOf(user)
      if (node === undefined || attributes.resource === '') return undefined
      const { resource, subresource } = attributes
      if (!rules.allow(attributes, subresource === '' ? resource : `${resource}/${subresource}`)) return undefined
      return concerns(store, { ...attributes, node }) ? allowed : undefined
    },
    rulesFor: (user) => (nodeOf(user) === undefined ? [] : rules.rules),
  }
}

function concerns(store: Store, asked: Asked): boolean {
  switch (asked.resource) {
    case 'nodes':
      return asked.verb === 'create' || asked.name === asked.node
    case 'leases':
      return asked.namespace === LEASE_NAMESPACE && (asked.verb === 'create' || asked.name === asked.node)
    case 'pods':
      return concernsPod(store, asked)
    case 'secrets':
    case 'configmaps':
      return concernsInput(store, asked, asked.resource)
    case 'serviceaccounts':
      return anyPodOn(store, asked, (pod) => accountOf(pod) === asked.name)
    default:
      return true
  }
}

function concernsPod(store: Store, asked: Asked): boolean {
  const { verb, namespace, name, node } = asked
  if (verb === 'list' || verb === 'watch') return selects(asked, `spec.nodeName=${node}`)
  if (verb === 'create' && asked.subresource === '') return true
  const pod = findPod(store, namespace, name)
  // That a pod is gone is no secret, and what its kubelet waits to hear.
  return pod === undefined || pod.spec.nodeName === node
}

function concernsInput(store: Store, asked: Asked, resource: 'secrets' | 'configmaps'): boolean {
  const { name } = asked
  return name !== '' && anyPodOn(store, asked, (pod) => refersTo(pod, resource, name))
}

function selects({ fieldSelector = '' }: Asked, wanted: string): boolean {
  return fieldSelector.split(',').some((term) => term.replace('==', '=') === wanted)
}

function accountOf({ spec }: Pod): string {
  return spec.serviceAccountName || 'default'
}
