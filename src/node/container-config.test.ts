import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Container, PodSpec } from '../kube/types/core.ts'
import { containerConfig } from './container-config.ts'
import { expand, podField } from './container-env.ts'
import { EMPTY_CONFIG, type Image, type ImageConfig } from './images/image.ts'
import type { PodInputs } from './pod-inputs.ts'
import { DEFAULT_CAPABILITIES } from './runtime/oci-spec.ts'
import { forbiddenSysctl } from './security-context.ts'
import { serviceVariables } from './service-env.ts'
import { testContainer, testPod } from './test-pods.ts'

const place = {
  nodeName: 'node-1',
  hostIPs: ['192.168.0.11'],
  podIPs: ['10.244.1.2', 'fd00::2'],
  capacity: { cpu: '2', memory: '1Gi' },
}
const inputs: PodInputs = {
  configMaps: new Map([
    ['cm', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' }, data: { a: '1', b: '2' } }],
  ]),
  secrets: new Map([['sec', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sec' }, data: { s: 'aGlkZGVu' } }]]),
}
const userFiles = { passwd: 'root:x:0:0::/:\nweb:x:100:101::/:\n', group: 'root:x:0:\nstaff:x:50:\n' }

const GRANTABLE = [...DEFAULT_CAPABILITIES, 'CAP_NET_ADMIN']

function configOf(container: Partial<Container>, image: Partial<ImageConfig> = {}, spec: Partial<PodSpec> = {}) {
  const whole = testContainer('web', container)
  const made: Image = {
    kind: 'rootfs',
    name: 'web',
    id: 'x',
    root: { kind: 'directory', path: '/x' },
    config: { ...EMPTY_CONFIG, entrypoint: ['/entry'], command: ['cmd'], ...image },
  }
  const surroundings = { services: [], grantable: GRANTABLE, clusterDomain: 'cluster.local' }
  const around = {
    ...surroundings,
    image: made,
    inputs,
    place,
    userFiles,
    cgroup: '/c',
    mounts: [],
    netns: '/run/netns/x',
  }
  return containerConfig(testPod({ ...spec, containers: [whole] }), whole, around)
}

function made(...args: Parameters<typeof configOf>) {
  const result = configOf(...args)
  assert.ok(result.kind === 'config', JSON.stringify(result))
  return result.config
}

function refusal(...args: Parameters<typeof configOf>): string {
  const result = configOf(...args)
  return result.kind === 'refused' ? `${result.reason}: ${result.message}` : 'none'
}

describe('what a container is run with', () => {
  test('command and args replace what the image says', () => {
    assert.deepEqual(made({}).args, ['/entry', 'cmd'])
    assert.deepEqual(made({ args: ['x'] }).args, ['/entry', 'x'])
    assert.deepEqual(made({ command: ['/c'] }).args, ['/c'])
    assert.deepEqual(made({ command: ['/c'], args: ['x'] }).args, ['/c', 'x'])
    assert.equal(refusal({}, { entrypoint: [], command: [] }), 'CreateContainerError: no command specified')
  })

  test('variables: image, then envFrom, then env, each with what came before', () => {
    const env = [
      { name: 'X', value: '$(a)-$(I)' },
      { name: 'S', valueFrom: { secretKeyRef: { name: 'sec', key: 's' } } },
      { name: 'O', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
      { name: 'N', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ]
    const { env: lines, args } = made(
      {
        env,
        envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: 'P_', secretRef: { name: 'sec' } }],
        args: ['$(X)', '$$(X)', '$(NONE)'],
      },
      { env: ['I=image', 'a=hidden'] },
    )
    for (const line of ['X=1-image', 'S=hidden', 'P_s=hidden', 'N=node-1', 'b=2', 'HOSTNAME=web-1'])
      assert.ok(lines.includes(line), line)
    assert.ok(!lines.some((line) => line.startsWith('O=')))
    assert.deepEqual(args, ['/entry', '1-image', '$(X)', '$(NONE)'])
  })

  test('what a variable refers to must be there', () => {
    const from = (valueFrom: object) => refusal({ env: [{ name: 'X', valueFrom }] })
    assert.equal(
      from({ configMapKeyRef: { name: 'no', key: 'x' } }),
      'CreateContainerConfigError: configmap "no" not found',
    )
    assert.equal(
      from({ secretKeyRef: { name: 'sec', key: 'x' } }),
      "CreateContainerConfigError: couldn't find key x in Secret shop/sec",
    )
    assert.match(from({ fieldRef: { fieldPath: 'spec.nothing' } }), /unsupported fieldPath/)
    assert.match(refusal({ envFrom: [{ secretRef: { name: 'no' } }] }), /secret "no" not found/)
  })

  test('whom it runs as', () => {
    const user = (imageUser: string, securityContext = {}, pod = {}) => {
      const { uid, gid } = made({ securityContext }, { user: imageUser }, { securityContext: pod }).user
      return `${uid}:${gid}`
    }
    assert.equal(user(''), '0:0')
    assert.equal(user('web'), '100:101')
    assert.equal(user('web:staff'), '100:50')
    assert.equal(user('7'), '7:0')
    assert.equal(user('100'), '100:101')
    assert.equal(user('7:8'), '7:8')
    assert.equal(user('web', { runAsUser: 5, runAsGroup: 6 }, { runAsUser: 4 }), '5:6')
    assert.match(refusal({}, { user: 'nobody-here' }), /unable to find user nobody-here/)
    assert.match(refusal({ securityContext: { runAsNonRoot: true } }), /runAsNonRoot/)
  })

  test('limits become the numbers of control groups', () => {
    const resources = { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '250m' } }
    assert.deepEqual(made({ resources }).limits, {
      memory: 67108864,
      cpu: { shares: 256, quota: 150_000, period: 100_000 },
    })
    assert.equal(made({}).limits, undefined)
  })

  test('fields of the pod', () => {
    const pod = testPod({}, { labels: { b: '2', a: 'x"y' } })
    assert.equal(podField(pod, 'metadata.labels', place), 'a="x\\"y"\nb="2"')
    assert.equal(podField(pod, "metadata.labels['b']", place), '2')
    assert.equal(podField(pod, 'status.podIPs', place), '10.244.1.2,fd00::2')
    assert.equal(podField(pod, 'spec.containers', place), undefined)
  })

  test('text without $ is left alone, and a doubled $ is one', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        assert.equal(expand(text.replaceAll('$', ''), new Map()), text.replaceAll('$', '')),
      ),
    )
    fc.assert(
      fc.property(fc.string(), (text) =>
        assert.equal(expand(text.replaceAll('$', '$$$$'), new Map([['', 'x']])), text),
      ),
    )
  })
})

describe('the security context', () => {
  test('capabilities are added and dropped', () => {
    const of = (capabilities: object) => made({ securityContext: { capabilities } }).capabilities ?? []
    assert.ok(of({ add: ['NET_ADMIN'] }).includes('CAP_NET_ADMIN'))
    assert.deepEqual(of({ drop: ['ALL'], add: ['net_bind_service'] }), ['CAP_NET_BIND_SERVICE'])
    assert.ok(!of({ drop: ['CAP_CHOWN'] }).includes('CAP_CHOWN'))
    assert.deepEqual(made({ securityContext: { privileged: true } }).capabilities, GRANTABLE)
    const refused = (name: string) => refusal({ securityContext: { capabilities: { add: [name] } } })
    assert.equal(refused('FLY'), 'CreateContainerError: unknown capability "CAP_FLY"')
    assert.equal(refused('SYS_ADMIN'), 'CreateContainerError: this machine cannot give capability "CAP_SYS_ADMIN"')
  })
  test('only safe kernel settings are allowed', () => {
    const of = (name: string, spec: Partial<PodSpec> = {}) =>
      forbiddenSysctl(testPod({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } }))
    assert.equal(of('net.ipv4.tcp_syncookies'), undefined)
    assert.equal(of('kernel.msgmax'), 'forbidden sysctl: "kernel.msgmax" not allowlisted')
    assert.match(of('net/ipv4/tcp_syncookies', { hostNetwork: true }) ?? '', /not allowed with host net enabled$/)
  })
})

describe('variables of Services', () => {
  const service = (name: string, namespace: string, spec: object) =>
    ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec }) as const
  const services = [
    service('kubernetes', 'default', {
      clusterIP: '10.96.0.1',
      ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
    }),
    service('my-db', 'shop', {
      clusterIP: '10.96.0.5',
      ports: [
        { port: 5432, protocol: 'TCP' },
        { name: 'q', port: 53, protocol: 'UDP' },
      ],
    }),
    service('headless', 'shop', { clusterIP: 'None', ports: [{ port: 1 }] }),
    service('elsewhere', 'other', { clusterIP: '10.96.0.6', ports: [{ port: 1 }] }),
  ]
  const all = (spec: Partial<PodSpec> = {}) => Object.fromEntries(serviceVariables(testPod(spec), services))

  test('tell of the namespace and of the API server', () => {
    const found = all()
    assert.equal(found.MY_DB_SERVICE_HOST, '10.96.0.5')
    assert.equal(found.MY_DB_SERVICE_PORT, '5432')
    assert.equal(found.MY_DB_SERVICE_PORT_Q, '53')
    assert.equal(found.MY_DB_PORT, 'tcp://10.96.0.5:5432')
    assert.equal(found.MY_DB_PORT_53_UDP, 'udp://10.96.0.5:53')
    assert.equal(found.MY_DB_PORT_53_UDP_PROTO, 'udp')
    assert.equal(found.MY_DB_PORT_53_UDP_ADDR, '10.96.0.5')
    assert.equal(found.KUBERNETES_SERVICE_PORT_HTTPS, '443')
    assert.deepEqual(
      Object.keys(found).filter((name) => /^(HEADLESS|ELSEWHERE)/.test(name)),
      [],
    )
  })
  test('without links, of the API server alone', () => {
    const names = Object.keys(all({ enableServiceLinks: false }))
    assert.ok(names.includes('KUBERNETES_SERVICE_HOST') && names.every((name) => name.startsWith('KUBERNETES_')))
  })
})
