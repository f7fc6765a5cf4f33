import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { cidrContains, parseAddress, requireCidr } from '../../base/ip.ts'
import { silentLog } from '../../base/log.ts'
import { HostLocalIpam, nextFree } from './ipam.ts'

function pod(uid: string) {
  return { namespace: 'default', name: `pod-${uid}`, uid }
}

/** A state directory that is gone when the test ends. */
class TestDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'fl-ipam-'))

  open(...cidrs: string[]): HostLocalIpam {
    return new HostLocalIpam({ cidrs: cidrs.map(requireCidr), directory: this.path, log: silentLog })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

test('addresses go round, the first after the gateway, the last before broadcast', () => {
  using directory = new TestDirectory()
  const ipam = directory.open('10.244.1.0/29')
  const address = (uid: string) => ipam.reserve(pod(uid)).addresses[0]
  assert.deepEqual(['a', 'b', 'c', 'd'].map(address), ['10.244.1.2', '10.244.1.3', '10.244.1.4', '10.244.1.5'])
  ipam.release('a')
  assert.equal(address('e'), '10.244.1.6', 'the one given back comes last')
  assert.equal(address('f'), '10.244.1.2')
  assert.throws(
    () => address('g'),
    (error) => isFairleadError(error, 'INVALID_INPUT') && /No address of/.test(error.message),
  )
  assert.equal(address('b'), '10.244.1.3', 'a pod keeps its address')
})

test('one address per family', () => {
  using directory = new TestDirectory()
  const ipam = directory.open('10.244.1.0/24', 'fd00:10:244:1::/64')
  assert.deepEqual(ipam.reserve(pod('a')).addresses, ['10.244.1.2', 'fd00:10:244:1::2'])
  assert.deepEqual(ipam.reserve(pod('b')).addresses, ['10.244.1.3', 'fd00:10:244:1::3'])
})

test('what is reserved outlives the process; what is damaged or of another range does not', () => {
  using directory = new TestDirectory()
  const cidr = '10.244.1.0/24'
  const first = directory.open(cidr)
  const addresses = ['a', 'b/../c', 'd'].map((uid) => first.reserve(pod(uid)).addresses)
  first.release('a')
  const write = (name: string, content: string) => writeFileSync(join(directory.path, name), content)
  write('torn.json', '{"names')
  write('null.json', 'null')
  write('odd.json', JSON.stringify({ ...pod('odd'), addresses: [7] }))
  write('other.json', JSON.stringify({ ...pod('other'), addresses: ['10.9.9.9'] }))
  write('twice.json', JSON.stringify({ ...pod('twice'), addresses: ['10.244.1.4'] }))
  write('.new', 'a crash while writing')
  const second = directory.open(cidr)
  const uids = second.uids()
  assert.ok(uids.includes('b/../c'))
  assert.equal(uids.length, 2, 'of two with one address, one stays')
  assert.deepEqual(second.reserve(pod('b/../c')).addresses, addresses[1])
  assert.deepEqual(second.reserve(pod('new')).addresses, ['10.244.1.5'])
  assert.equal(readdirSync(directory.path).filter((name) => name.endsWith('.json')).length, 3)
  assert.equal(second.release('nobody'), false)
})

test('no address is ever given to two pods, over any history of pods and restarts', () => {
  const step = fc.oneof(
    fc.record({ op: fc.constantFrom('reserve', 'release'), uid: fc.nat(15) }),
    fc.constant({ op: 'restart', uid: 0 }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      using directory = new TestDirectory()
      const cidr = '10.0.0.0/28'
      let ipam = directory.open(cidr)
      const model = new Map<string, string>()
      for (const { op, uid } of steps) {
        if (op === 'restart') ipam = directory.open(cidr)
        else if (op === 'release') assert.equal(ipam.release(`u${uid}`), model.delete(`u${uid}`))
        else if (model.size < 13 || model.has(`u${uid}`)) {
          const [address] = ipam.reserve(pod(`u${uid}`)).addresses
          assert.equal(address, model.get(`u${uid}`) ?? address)
          model.set(`u${uid}`, address!)
          assert.ok(cidrContains(requireCidr(cidr), parseAddress(address!)!))
        }
        assert.deepEqual(new Set(ipam.uids()), new Set(model.keys()))
        assert.equal(new Set(model.values()).size, model.size)
      }
    }),
    { numRuns: 40 },
  )
})

test('the next free number is the first after the last one given', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.bigInt({ min: 2n, max: 20n })), fc.bigInt({ min: 1n, max: 20n }), (taken, after) => {
      const free = nextFree(new Set(taken), { after, end: 20n })
      const order = Array.from({ length: 19 }, (_, i) => 2n + ((after - 1n + BigInt(i)) % 19n))
      assert.equal(
        free,
        order.find((number) => !taken.includes(number)),
      )
    }),
  )
})
