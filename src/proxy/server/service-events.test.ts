import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EventRecorder } from '../../kube/event-recorder.ts'
import type { Problem } from '../service-plan.ts'
import { aService, aSlice, together } from '../test-objects.ts'
import { ServiceEvents } from './service-events.ts'

const WEB = together(aService('web', { clusterIP: '10.96.0.1' }), aSlice('web', ['10.0.0.1']))
const NEW = together(aService('new', { clusterIP: '10.96.0.2' }), aSlice('new', ['10.0.0.2']))
const BAD: Problem = { object: 'EndpointSlice', name: 'default/web-x', message: 'Endpoint address "x" is none' }

function bench() {
  const told: string[] = []
  const facts = { conflicts: [] as string[], sharers: 0 }
  const recorder: EventRecorder = {
    event(object, type, reason, message) {
      const name = 'metadata' in object ? object.metadata.name : object.name
      told.push(`${object.kind} ${name} ${type} ${reason}: ${message}`)
    },
    flush: async () => {},
  }
  const events = new ServiceEvents({ recorder, conflictsOf: () => facts.conflicts, sharersOf: () => facts.sharers })
  return { events, facts, take: () => told.splice(0) }
}

describe('Events of Services', () => {
  test('tell what cannot be programmed at the object that is to blame, once', () => {
    const { events, take } = bench()
    events.report(WEB, [BAD])
    assert.deepEqual(take(), ['EndpointSlice web-x Warning NotProgrammed: Endpoint address "x" is none'])
    events.report(WEB, [BAD])
    assert.deepEqual(take(), [])
    const bad: Problem = { object: 'Service', name: 'default/web', message: 'odd', reason: 'UnknownLoadBalancing' }
    events.report(WEB, [BAD, bad])
    assert.deepEqual(take(), ['Service web Warning UnknownLoadBalancing: odd'])
    events.report(WEB, [])
    events.report(WEB, [BAD])
    assert.equal(take().length, 1, 'it has come back')
    events.report({ ...WEB, service: undefined }, undefined)
    events.report(WEB, [BAD])
    assert.equal(take().length, 1, 'it is another Service')
  })

  test('tell of addresses that another Service has', () => {
    const { events, facts, take } = bench()
    facts.conflicts.push('10.0.0.9:80/TCP is held by default/old:http ExternalIP')
    events.report(WEB, [])
    assert.deepEqual(take(), [
      'Service web Warning AddressConflict: The older Service keeps what both want: 10.0.0.9:80/TCP is held by default/old:http ExternalIP',
    ])
  })

  test('tell of a shared counter, but not of thousands at the start', () => {
    const { events, facts, take } = bench()
    facts.sharers = 2
    events.report(WEB, [])
    assert.deepEqual(take(), [])
    events.started()
    events.report(WEB, [])
    assert.deepEqual(take(), [], 'no news')
    events.report(NEW, [])
    facts.sharers = 3
    events.report(NEW, [])
    assert.deepEqual(take(), [
      'Service new Normal RoundRobinShared: Its round robin is shared by 2 Service ports: each connection of one moves on all of them',
    ])
  })
})
