import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr } from '../base/ip.ts'
import { parseNodePortAddresses, selectAddresses } from './node-port-addresses.ts'

const LOCAL = ['127.0.0.1/8', '192.168.0.1/24', '10.0.0.7/32', '::1/128', 'fd00:192::1/64', 'fe80::1/64']
const asked = (...words: string[]) => {
  const { primary, localhost, ranges } = parseNodePortAddresses(words)
  return { primary, localhost, ranges: ranges.map(formatCidr) }
}
const selected = (...words: string[]) => selectAddresses(parseNodePortAddresses(words).ranges, LOCAL)

test('the default is the primary addresses', () => {
  const primary = { primary: true, localhost: false, ranges: [] }
  assert.deepEqual(asked(), primary)
  assert.deepEqual(asked('primary'), primary)
})

test('ranges choose among the addresses of the node; a family without one is open, as upstream has it', () => {
  assert.deepEqual(asked('192.168.0.0/16').ranges, ['192.168.0.0/16', '::/0'])
  assert.deepEqual(selected('192.168.0.0/16').addresses, ['192.168.0.1', 'fd00:192::1', 'fe80::1'])
  assert.deepEqual(selected('10.0.0.0/8', 'fd00::/8').addresses, ['10.0.0.7', 'fd00:192::1'])
})

test('words may be combined', () => {
  assert.deepEqual(asked('primary', '10.0.0.0/8'), { primary: true, localhost: false, ranges: ['10.0.0.0/8', '::/0'] })
  assert.deepEqual(asked('all').ranges, ['0.0.0.0/0', '::/0'])
  assert.deepEqual(asked('localhost'), { primary: false, localhost: true, ranges: [] })
})

test('localhost never answers; who names it is told', () => {
  assert.deepEqual(selected('all').loopback, [])
  assert.ok(!selected('all').addresses.includes('127.0.0.1'))
  assert.deepEqual(selected('127.0.0.0/8', '::1/128'), { addresses: [], loopback: ['127.0.0.1', '::1'] })
})

test('what is no range is refused', () => {
  assert.throws(() => parseNodePortAddresses(['eth0']), { code: 'INVALID_INPUT', message: /has "eth0"/ })
})
