/** For the fuzz run: objects that are accepted, but for a field or two. */

import fc from 'fast-check'
import { findMessage, messageOf } from '../kube/schema/schema.ts'
import { objectOf } from './fuzz-values.test-kit.ts'

const selector = { matchLabels: { app: 'web' } }
const podSpec = {
  containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }], env: [{ name: 'E', value: 'v' }] }],
}
const template = { metadata: { labels: { app: 'web' } }, spec: podSpec }
const jobTemplate = { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } }
const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }

/** Of some kinds an object that is accepted, so that what follows has something to work on. */
export const VALID: Readonly<Record<string, Record<string, unknown>>> = {
  ClusterRole: { rules },
  ClusterRoleBinding: { roleRef, subjects: [{ kind: 'User', name: 'u' }] },
  ConfigMap: { data: { k: 'v' } },
  CronJob: { spec: { schedule: '* * * * *', jobTemplate } },
  DaemonSet: { spec: { selector, template } },
  Deployment: { spec: { replicas: 1, selector, template } },
  EndpointSlice: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80, name: 'http' }] },
  Endpoints: { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
  Ingress: { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
  IngressClass: { spec: { controller: 'example.com/x' } },
  Job: jobTemplate,
  Lease: { spec: { holderIdentity: 'a', leaseDurationSeconds: 10 } },
  Namespace: {},
  NetworkPolicy: { spec: { podSelector: selector, ingress: [{ from: [{ podSelector: {} }] }] } },
  Node: { spec: { podCIDR: '10.244.0.0/24' } },
  Pod: { spec: podSpec },
  ReplicaSet: { spec: { selector, template } },
  Role: { rules },
  RoleBinding: { roleRef, subjects: [{ kind: 'Group', name: 'g' }] },
  Secret: { stringData: { k: 'v' } },
  Service: {
    spec: {
      selector: { app: 'web' },
      ports: [
        { port: 80, name: 'http' },
        { port: 53, protocol: 'UDP', name: 'dns' },
      ],
    },
  },
  ServiceAccount: {},
  StatefulSet: { spec: { serviceName: 'web', selector, template } },
}

/** An object that is accepted, but for a field or two. */
export function nearlyValid(kind: string): fc.Arbitrary<Record<string, unknown>> {
  const message = findMessage(kind)
  const valid = VALID[kind]
  if (message === undefined || valid === undefined) return fc.constant(valid ?? {})
  const section = [...message.fields.values()].find(({ name, type }) => name in valid && type.of === 'message')
  const extra = section?.type.of === 'message' ? objectOf(messageOf(section.type.message), 2) : fc.constant({})
  return fc.tuple(fc.boolean(), extra, fc.nat(1)).map(([asIs, fields, count]) => {
    const given = section === undefined ? undefined : valid[section.name]
    if (asIs || section === undefined || Array.isArray(given)) return valid
    const chosen = Object.fromEntries(Object.entries(fields).slice(0, count + 1))
    return { ...valid, [section.name]: { ...(given as object), ...chosen } }
  })
}
