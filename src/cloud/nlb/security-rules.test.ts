import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressFromInteger, cidrContains, formatAddress, requireAddress, requireCidr } from '../../base/ip.ts'
import { SECURITY_GROUPS, type SecurityGroupRule } from '../ecs/model.ts'
import { CloudState } from '../state/cloud-state.ts'
import { admittedClients } from './security-rules.ts'

/** Addresses and ranges close to each other, so that they overlap. */
const BASE = 0x0a_00_00_00n
const address = fc.integer({ min: 0, max: 63 }).map((n) => formatAddress(addressFromInteger(BASE + BigInt(n), 4)))
const cidr = fc.tuple(address, fc.integer({ min: 24, max: 32 })).map(([text, length]) => `${text}/${length}`)
const rule: fc.Arbitrary<SecurityGroupRule> = fc.record({
  id: fc.constant('r'),
  direction: fc.constantFrom('ingress', 'egress'),
  policy: fc.constantFrom('accept', 'drop'),
  priority: fc.integer({ min: 1, max: 4 }),
  protocol: fc.constantFrom('tcp', 'udp', 'icmp', 'all'),
  portRange: fc.constantFrom('80/80', '1/79', '70/90', '-1/-1'),
  cidr,
})

/** What the rules say of one client, one after the other. */
function admitted(rules: readonly SecurityGroupRule[], client: string): boolean {
  const [first] = rules
    .filter(({ direction, protocol }) => direction === 'ingress' && (protocol === 'tcp' || protocol === 'all'))
    .filter(({ protocol, portRange }) => protocol === 'all' || portRange !== '1/79')
    .filter((one) => cidrContains(requireCidr(one.cidr ?? ''), requireAddress(client)))
    .sort((a, b) => a.priority - b.priority || (a.policy === b.policy ? 0 : a.policy === 'drop' ? -1 : 1))
  return first?.policy === 'accept'
}

test('ranges admit whom the rules admit, one by one', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 8 }),
      fc.array(address, { minLength: 8, maxLength: 8 }),
      (rules, clients) => {
        const state = CloudState.open()
        state.transact((transaction) => {
          const group = { id: 'sg', name: '', vpcId: '', type: 'normal', rules, tags: [], createdAt: 0 } as const
          transaction.put(SECURITY_GROUPS, 'sg', group)
        })
        const ranges =
          admittedClients(state, { securityGroupIds: ['sg'] }, { protocol: 'TCP', port: 80 }) ?? assert.fail()
        for (const client of clients) {
          const inside = ranges.some((range) => cidrContains(requireCidr(range), requireAddress(client)))
          assert.equal(inside, admitted(rules, client), client)
        }
      },
    ),
    { numRuns: 300 },
  )
})
