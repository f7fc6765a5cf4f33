import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../types/core.ts'
import type { Condition } from '../types/meta.ts'
import { reasonColumn } from './service-reason.ts'

function service(...conditions: readonly Condition[]): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: {}, status: { conditions } }
}

const CASES: readonly (readonly [Service, string | undefined])[] = [
  [service(), undefined],
  [service({ type: 'a/Ready', status: 'True', reason: 'Fine', message: 'all is well' }), undefined],
  [
    service({ type: 'a/Ready', status: 'False', reason: 'QuotaExceeded', message: '60 of 60' }),
    'QuotaExceeded: 60 of 60',
  ],
  [service({ type: 'a/Ready', status: 'False' }), 'a/Ready'],
  [service({ type: 'LoadBalancerPortsError', status: 'False', reason: 'Fine' }), undefined],
  [service({ type: 'LoadBalancerPortsError', status: 'True', reason: 'MixedProtocol' }), 'MixedProtocol'],
  [
    service(
      { type: 'a/A', status: 'False', reason: 'One', message: '1' },
      { type: 'a/B', status: 'False', reason: 'Two', message: '2' },
    ),
    'One: 1; Two: 2',
  ],
]

test('the column REASON tells conditions that are not as they should be, and is there for them only', () => {
  for (const [object, expected] of CASES) {
    assert.equal(reasonColumn.cell(object, 0), expected ?? '<none>')
    assert.equal(reasonColumn.onlyWhere?.(object), expected !== undefined)
  }
})
