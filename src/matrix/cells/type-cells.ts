/** The table of Service types: who reaches them, how names are answered, what they cost. */
import type { Cell, Measurement, Setting, Statement, Upstream } from '../cell.ts'
import { CLIENTS, type ClientClass, INSIDE, INTERNET } from '../clients.ts'
import { NAMES, TYPES, TYPES_TABLE } from '../documented.ts'
import { LAYER_4_PORT } from '../scene.ts'
import { SILENT, upstreamScheduling } from '../upstream.ts'
import { measureBilling } from './billing.ts'
import { measureClusterIpName, measureExternalName, measureHeadlessName } from './names.ts'
import {
  measureBottleneck,
  measureClusterIp,
  measureExternal,
  measureHeadless,
  measureHttp,
  measureHttps,
  measureNodePort,
  measureNodePortNumber,
  measurePlain,
  measureTurns,
} from './type-measurements.ts'

type Measure = Cell['measure']

interface Row {
  readonly id: string
  readonly item: string
  readonly column: string
  readonly service: string
  readonly documented?: Statement
  readonly upstream?: Upstream
  readonly measure: Measure
}

export function typeCells(setting: Setting): Cell[] {
  const upstream = upstreamScheduling(setting)
  const rows: Row[] = [
    ...reachRows('ClusterIP', 'clusterip', clusterIpClaims, (client) => (lab) => measureClusterIp(lab, client)),
    {
      ...row('ClusterIP', 'scheduling', 'clusterip'),
      documented: TYPES.clusterIpScheduling,
      ...(upstream === undefined ? {} : { upstream }),
      measure: measureTurns,
    },
    { ...row('ClusterIP', 'DNS answer', 'clusterip'), documented: NAMES.clusterIp, measure: measureClusterIpName },
    billing('ClusterIP', 'clusterip', TYPES.free),
    ...reachRows(
      'NodePort',
      'nodeport',
      () => ({ documented: TYPES.nodePort }),
      (client) => (lab) => measureNodePort(lab, client),
    ),
    { ...row('NodePort', 'port range', 'nodeport'), documented: TYPES.nodePortRange, measure: measureNodePortNumber },
    { ...row('NodePort', 'bottleneck', 'nodeport'), documented: TYPES.nodePortBottleneck, measure: measureBottleneck },
    billing('NodePort', 'nodeport', TYPES.free),
    layer('layer 4, TCP', (lab) => measurePlain(lab, { port: LAYER_4_PORT, protocol: 'TCP' })),
    layer('layer 4, UDP', (lab) => measurePlain(lab, { port: 9000, protocol: 'UDP' })),
    layer('layer 7, HTTP', measureHttp),
    layer('layer 7, HTTPS', measureHttps),
    billing('LoadBalancer', 'lb-layers', TYPES.billed),
    ...reachRows('Headless Service', 'headless', headlessClaims, (client) => (lab) => measureHeadless(lab, client)),
    { ...row('Headless Service', 'DNS answer', 'headless'), documented: NAMES.headless, measure: measureHeadlessName },
    billing('Headless Service', 'headless', TYPES.free),
    ...reachRows('ExternalName', 'external', externalClaims, (client) => (lab) => measureExternal(lab, client)),
    { ...row('ExternalName', 'DNS answer', 'external'), documented: NAMES.external, measure: measureExternalName },
    billing('ExternalName', 'external', TYPES.free),
  ]
  return rows.map(({ service, ...rest }) => ({ ...rest, table: TYPES_TABLE, services: [service] }))
}

type Claims = Pick<Cell, 'documented' | 'upstream'>

function reachRows(
  item: string,
  service: string,
  claims: (client: ClientClass) => Claims,
  measure: (client: ClientClass) => (...args: Parameters<Measure>) => Promise<Measurement>,
): Row[] {
  return CLIENTS.map((client) => ({
    ...row(item, client.text, service, client.id),
    ...claims(client),
    measure: measure(client),
  }))
}

function row(item: string, column: string, service: string, id = column): Omit<Row, 'measure'> {
  return { id: `${item}/${id}`, item, column, service }
}

function billing(item: string, service: string, documented: Statement): Row {
  return { ...row(item, 'billing', service), documented, measure: (lab) => measureBilling(lab, service) }
}

function layer(column: string, measure: Measure): Row {
  return { ...row('LoadBalancer', column, 'lb-layers'), documented: TYPES.loadBalancerLayers, measure }
}

function isInside({ id }: ClientClass): boolean {
  return INSIDE.some((client) => client.id === id)
}

function clusterIpClaims(client: ClientClass): Claims {
  return { documented: isInside(client) ? TYPES.clusterIpInside : TYPES.clusterIpOutside }
}

function headlessClaims(client: ClientClass): Claims {
  if (client.id === INTERNET.id) return { upstream: SILENT.headlessInternet }
  return client.isNode === true ? { upstream: SILENT.headlessNodes } : { documented: TYPES.headlessPods }
}

function externalClaims(client: ClientClass): Claims {
  if (client.id === INTERNET.id) return { upstream: SILENT.externalInternet }
  return client.isNode === true ? { upstream: SILENT.externalNodes } : { documented: TYPES.externalPods }
}
