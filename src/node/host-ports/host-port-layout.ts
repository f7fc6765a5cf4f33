import { requireAddress } from '../../base/ip.ts'
import type { FixedTable } from '../../linux/fixed-table.ts'
import { anyBit, word } from '../../linux/nftables/bits.ts'
import { inetProto, inetService } from '../../linux/nftables/data-type.ts'
import { CT_STATUS, type Expression, FIB_FLAGS, NAT_FLAGS, RTN_LOCAL } from '../../linux/nftables/expression.ts'
import {
  destinationAddress,
  destinationKey,
  destinationPort,
  IP_HEADERS,
  type IpFamily,
  sourceAddress,
} from '../../linux/nftables/ip-header.ts'
import type { Chain, Element, NftSet } from '../../linux/nftables/program.ts'
import type { HostPort } from './host-port-plan.ts'

const TABLE = 'fairlead-hostports'
const LOOPBACK_FIRST_BYTE = 127

export interface HostPortLayout extends FixedTable {
  /** `proto . dport` to `pod . port`: on every address of the node. */
  readonly anywhere: NftSet
  /** `daddr . proto . dport` to `pod . port`. */
  readonly onAddress: NftSet
  /** `pod . pod`: pods that may call themselves. */
  readonly hairpins: NftSet
}

/** The constant rules of one family: `table ip fairlead-hostports` (or ip6). What varies are elements. */
export function hostPortLayout(family: 4 | 6): HostPortLayout {
  const ip = family === 4 ? 'ip' : 'ip6'
  const { type } = IP_HEADERS[ip]
  const ref = { family: ip, table: TABLE } as const
  const data = [type, inetService]
  const anywhere = { ...ref, name: 'anywhere', key: [inetProto, inetService], data, comment: 'On every address' }
  const onAddress = { ...ref, name: 'on-address', key: [type, inetProto, inetService], data, comment: 'With hostIP' }
  const hairpins = { ...ref, name: 'hairpins', key: [type, type], comment: 'Pods that may call themselves' }
  return {
    table: { ...ref, comment: 'host ports of pods, kept by the node agent' },
    anywhere,
    onAddress,
    hairpins,
    sets: [anywhere, onAddress, hairpins],
    chains: chainsOf(ref),
    rules: rulesOf(ip),
  }
}

type Ref = Pick<Chain, 'family' | 'table'>

function chainsOf(ref: Ref): Chain[] {
  const nat = (hook: 'prerouting' | 'output' | 'postrouting', priority: number): Chain => ({
    ...ref,
    name: hook,
    base: { type: 'nat', hook, priority, policy: 'accept' },
  })
  // Before connection tracking: what is translated back to 127.0.0.1 later is not seen here.
  const raw: Chain = {
    ...ref,
    name: 'raw',
    base: { type: 'filter', hook: 'prerouting', priority: -300, policy: 'accept' },
  }
  const hooks = [nat('prerouting', -100), nat('output', -100), nat('postrouting', 100)]
  return [{ ...ref, name: 'hostports' }, ...hooks, ...(ref.family === 'ip' ? [raw] : [])]
}

function rulesOf(ip: IpFamily): FixedTable['rules'] {
  const { saddr, daddr, words } = IP_HEADERS[ip]
  const toPod = (set: string): Expression[] => [
    { kind: 'lookup', set, source: 0, dest: 0 },
    { kind: 'nat', type: 'dnat', family: ip, addressMin: 0, portMin: words },
  ]
  const isLocal: Expression[] = [
    { kind: 'fib', result: 'type', flags: FIB_FLAGS.daddr, dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: word(RTN_LOCAL) },
  ]
  const jump: Expression = { kind: 'verdict', verdict: { kind: 'jump', chain: 'hostports' } }
  const masquerade: Expression = { kind: 'masquerade', flags: NAT_FLAGS.fullyRandom }
  const isTranslated: Expression[] = [{ kind: 'ct', key: 'status', dest: 0 }, ...anyBit(CT_STATUS.destinationNat)]
  const toItself: Expression[] = [
    sourceAddress(ip, 0),
    destinationAddress(ip, words),
    { kind: 'lookup', set: 'hairpins', source: 0 },
  ]
  const loopback = (offset: number): Expression[] => [
    { kind: 'payload', base: 'network', offset, length: 1, dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(LOOPBACK_FIRST_BYTE) },
  ]
  return [
    {
      chain: 'hostports',
      comment: 'with hostIP',
      expressions: [...destinationKey(ip), ...toPod('on-address')],
    },
    {
      chain: 'hostports',
      comment: 'on every address',
      expressions: [...isLocal, ...destinationPort(0), ...toPod('anywhere')],
    },
    { chain: 'prerouting', comment: 'from pods and from outside', expressions: [jump] },
    { chain: 'output', comment: 'from processes of this node', expressions: [jump] },
    { chain: 'postrouting', comment: 'a pod that was sent to itself', expressions: [...toItself, masquerade] },
    ...(ip === 'ip6'
      ? []
      : [
          {
            chain: 'postrouting',
            comment: 'from 127.0.0.1',
            expressions: [...loopback(saddr), ...isTranslated, masquerade],
          },
          {
            chain: 'raw',
            comment: '127.0.0.1 is reached from this node only',
            expressions: [
              { kind: 'meta', key: 'iif', dest: 0 },
              { kind: 'cmp', op: 'neq', source: 0, data: word(1) },
              ...loopback(daddr),
              { kind: 'verdict', verdict: { kind: 'drop' } },
            ] satisfies Expression[],
          },
        ]),
  ]
}

/** The elements that a host port is made of. */
export function hostPortElements(
  layout: HostPortLayout,
  { protocol, hostIP, hostPort, podIP, podPort }: HostPort,
  comment: string,
): readonly { readonly set: NftSet; readonly element: Element }[] {
  const pod = requireAddress(podIP)
  const data = Buffer.concat([pod, portBytes(podPort)])
  const key = Buffer.concat([Buffer.of(protocol, 0, 0, 0), portBytes(hostPort)])
  const place =
    hostIP === undefined
      ? { set: layout.anywhere, element: { key, data, comment } }
      : { set: layout.onAddress, element: { key: Buffer.concat([requireAddress(hostIP), key]), data, comment } }
  return [place, { set: layout.hairpins, element: { key: Buffer.concat([pod, pod]), comment } }]
}

function portBytes(port: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(port)
  return bytes
}
