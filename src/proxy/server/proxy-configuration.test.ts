import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from '../../base/yaml.ts'
import { conntrackOf } from './conntrack-settings.ts'
import { FieldReader } from './field-reader.ts'
import { readConfiguration } from './proxy-configuration.ts'
import { configurationFromFile, configurationFromFlags } from './proxy-flags.ts'

/** As kubeadm writes it into its ConfigMap. */
const KUBEADM = `
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
kind: KubeProxyConfiguration
logging:
  flushFrequency: 0
  options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}
  verbosity: 0
metricsBindAddress: ""
mode: ""
nftables:
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`

const read = (fields: Record<string, unknown>) =>
  readConfiguration(
    { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', ...fields },
    'config',
  )

const refusal = (fields: Record<string, unknown>): string => {
  try {
    read(fields)
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error && error.code === 'INVALID_INPUT', String(error))
    return error.message
  }
  return assert.fail('it was taken')
}

describe('the configuration of a proxy', () => {
  test('that kubeadm writes is taken without a word', () => {
    const { configuration, warnings } = readConfiguration(parse(KUBEADM), 'config')
    assert.deepEqual(warnings, [])
    assert.deepEqual(configuration, {
      kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf',
      mode: 'nftables',
      nodePortAddresses: [],
      detectLocal: { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16'] },
      masqueradeAll: false,
      healthz: { host: '0.0.0.0', port: 10256 },
      metrics: { host: '127.0.0.1', port: 10249 },
      bindAddressHardFail: false,
      syncPeriodMs: 30_000,
      conntrack: {},
      oomScoreAdj: -999,
      verbosity: 0,
    })
  })

  test('everything that means something is read', () => {
    const { configuration, warnings } = read({
      mode: 'ipvs',
      hostnameOverride: 'Node-7',
      bindAddress: 'fd00::7',
      nodePortAddresses: ['10.0.0.0/8', 'localhost'],
      detectLocalMode: 'NodeCIDR',
      metricsBindAddress: '[::]:1249',
      ipvs: { syncPeriod: '1m30s' },
      conntrack: { tcpEstablishedTimeout: '24h', udpTimeout: '10s', tcpBeLiberal: true },
      oomScoreAdj: 0,
      logging: { verbosity: 4 },
    })
    assert.deepEqual(warnings, [])
    assert.deepEqual(configuration, {
      hostnameOverride: 'node-7',
      mode: 'ipvs',
      bindAddress: 'fd00::7',
      nodePortAddresses: ['10.0.0.0/8', 'localhost'],
      detectLocal: { mode: 'NodeCIDR' },
      masqueradeAll: false,
      healthz: { host: '::', port: 10256 },
      metrics: { host: '::', port: 1249 },
      bindAddressHardFail: false,
      syncPeriodMs: 90_000,
      conntrack: {
        'net/netfilter/nf_conntrack_tcp_timeout_established': 86_400,
        'net/netfilter/nf_conntrack_udp_timeout': 10,
        'net/netfilter/nf_conntrack_tcp_be_liberal': 1,
      },
      oomScoreAdj: 0,
      verbosity: 4,
    })
  })

  test('what is wrong is told, all at once, with the field and the value', () => {
    const message = refusal({
      mode: 'iptables',
      bindAddress: 'here',
      healthzBindAddress: '1.2.3.4:99999',
      metricsBindAddress: 'localhost:1',
      clusterCIDR: '10.0.0.0/8,10.1.0.0/16',
      nodePortAddresses: ['10.0.0.1/33'],
      oomScoreAdj: 2000,
      ipvs: { syncPeriod: 'soon' },
      conntrack: { min: -1, udpTimeout: '-1s' },
      bindAddressHardFail: 'yes',
    })
    for (const part of [
      'mode: invalid value "iptables": must be nftables or ipvs',
      'bindAddress: invalid value "here": not a valid textual representation of an IP address',
      'healthzBindAddress: invalid value "1.2.3.4:99999": must be a valid port',
      'metricsBindAddress: invalid value "localhost:1": must be a valid IP',
      'clusterCIDR: invalid value "10.0.0.0/8,10.1.0.0/16": only one CIDR allowed or a valid DualStack CIDR',
      'nodePortAddresses: invalid value "10.0.0.1/33": must be a valid CIDR block',
      'oomScoreAdj: invalid value 2000: must be within the range [-1000, 1000]',
      'conntrack.min: invalid value -1: must be greater than or equal to 0',
      'conntrack.udpTimeout: invalid value "-1s": must be greater than or equal to 0',
      'bindAddressHardFail: invalid value "yes": must be true or false',
    ])
      assert.ok(message.includes(part), `${part}\nin ${message}`)
    assert.match(refusal({ mode: 'ipvs', ipvs: { syncPeriod: 'soon' } }), /ipvs\.syncPeriod: .* must be a duration/)
  })

  test('everybody is masqueraded by the setting of the backend that is used', () => {
    const all = (fields: Record<string, unknown>) => read(fields).configuration.masqueradeAll
    assert.equal(all({}), false)
    assert.equal(all({ nftables: { masqueradeAll: true } }), true)
    assert.equal(all({ iptables: { masqueradeAll: true } }), false)
    assert.equal(all({ mode: 'ipvs', iptables: { masqueradeAll: true } }), true)
    assert.equal(all({ mode: 'ipvs', nftables: { masqueradeAll: true } }), false)
  })

  test('pods are told by the names of interfaces, which must be some', () => {
    const told = (detectLocalMode: string, detectLocal: object) => ({ detectLocalMode, detectLocal })
    const bridge = told('BridgeInterface', { bridgeInterface: 'cni0', interfaceNamePrefix: '' })
    assert.deepEqual(read(bridge).configuration.detectLocal, { mode: 'BridgeInterface', name: 'cni0' })
    const prefix = told('InterfaceNamePrefix', { interfaceNamePrefix: 'veth' })
    assert.deepEqual(read(prefix).configuration.detectLocal, { mode: 'InterfaceNamePrefix', name: 'veth' })
    assert.match(refusal(told('BridgeInterface', {})), /detectLocal\.bridgeInterface.*at most 15 bytes/)
    assert.match(refusal(told('BridgeInterface', { bridgeInterface: 'sixteen-letters-' })), /at most 15 bytes/)
    assert.match(refusal(told('InterfaceNamePrefix', { interfaceNamePrefix: 'a/b' })), /interfaceNamePrefix/)
  })

  test('what would change packets and is not offered is refused', () => {
    assert.match(refusal({ nftables: { masqueradeBit: 15 } }), /Fairlead marks with bit 14/)
    assert.match(refusal({ detectLocalMode: 'Label' }), /must be one of ClusterCIDR, NodeCIDR, BridgeInterface, Inter/)
    assert.match(refusal({ kind: 'Proxy' }), /it is kubeproxy\.config\.k8s\.io\/v1alpha1, Proxy; wanted:/)
    assert.throws(() => readConfiguration('text', 'config'), { code: 'INVALID_INPUT' })
  })

  test('what has no effect is told once', () => {
    const { warnings } = read({
      ipvs: { scheduler: 'wlc', strictARP: true, tcpTimeout: '5s' },
      enableProfiling: true,
      featureGates: { AllAlpha: true },
      clientConnection: { contentType: 'application/vnd.kubernetes.protobuf' },
      clusterCidr: '10.0.0.0/8',
      conntrack: { maxPerCor: 1 },
    })
    const expected = [
      /ipvs\.scheduler "wlc" is not used/,
      /strictARP/,
      /ipvs\.tcpTimeout/,
      /enableProfiling/,
      /AllAlpha/,
      /JSON/,
      /Unknown field clusterCidr is ignored/,
      /Unknown field conntrack\.maxPerCor is ignored/,
    ]
    for (const pattern of expected) assert.equal(warnings.filter((text) => pattern.test(text)).length, 1, `${pattern}`)
    assert.equal(warnings.length, expected.length, warnings.join('\n'))
  })

  test('flags say the same', () => {
    const flags = {
      kubeconfig: '/etc/k',
      metricsBindAddress: '',
      healthzBindAddress: '127.0.0.1:1',
      nodeportAddresses: '10.0.0.0/8,primary',
      proxyMode: 'ipvs',
      conntrackTcpTimeoutCloseWait: '1h',
      v: 5,
    }
    const { configuration, warnings } = readConfiguration(configurationFromFlags(flags), 'the flags')
    assert.deepEqual(warnings, [])
    assert.equal(configuration.metrics, undefined)
    assert.deepEqual(configuration.healthz, { host: '127.0.0.1', port: 1 })
    assert.deepEqual(configuration.nodePortAddresses, ['10.0.0.0/8', 'primary'])
    assert.deepEqual(configuration.conntrack, { 'net/netfilter/nf_conntrack_tcp_timeout_close_wait': 3600 })
    assert.deepEqual([configuration.mode, configuration.verbosity, configuration.kubeconfig], ['ipvs', 5, '/etc/k'])
  })

  test('beside a file few flags count, and the others are named', () => {
    const flags = { kubeconfig: '/own', hostnameOverride: 'n', proxyMode: 'ipvs', v: 2 }
    const { configuration, ignored } = configurationFromFile(parse(KUBEADM), flags)
    assert.deepEqual(ignored, ['proxyMode'])
    const read = readConfiguration(configuration, 'config').configuration
    assert.deepEqual([read.kubeconfig, read.hostnameOverride, read.mode, read.verbosity], ['/own', 'n', 'nftables', 2])
  })

  test('connections per core count by the cores, and not below the minimum', () => {
    const settings = (fields: object) => conntrackOf(new FieldReader(fields), 4)['net/netfilter/nf_conntrack_max']
    assert.equal(settings({ maxPerCore: 32_768, min: 1000 }), 131_072)
    assert.equal(settings({ maxPerCore: 1, min: 1000 }), 1000)
    assert.equal(settings({ min: 1000 }), undefined)
    assert.equal(settings({ maxPerCore: 0, min: 1000 }), undefined)
  })
})
